#include "event.hpp"

#include <nlohmann/json.hpp>

namespace hits {
namespace {

using nlohmann::json;

std::string stage_of(json const& context)
{
    auto const stage = context.find("stage");
    return stage == context.end() || stage->is_null() ? "" : stage->get<std::string>();
}

/// A stage other than `$default` stands in front of the path (`/prod/hits`).
std::string without_stage(std::string path, std::string const& stage)
{
    auto const prefix = "/" + stage;
    if (!stage.empty() && stage != "$default" && (path + "/").rfind(prefix + "/", 0) == 0) {
        path.erase(0, prefix.size());
    }
    return path.empty() ? "/" : path;
}

} // namespace

bad_event::bad_event()
    : std::runtime_error(
        "the event is not an HTTP event in payload format 2.0 → call the function's URL")
{
}

event read_event(std::string const& text)
{
    try {
        auto const event = json::parse(text);
        auto const& context = event.at("requestContext");
        auto const path = event.at("rawPath").get<std::string>();
        return {context.at("http").at("method").get<std::string>(), without_stage(path, stage_of(context))};
    } catch (json::exception const&) {
        throw bad_event();
    }
}

} // namespace hits
