#include "routes.hpp"

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "answer.hpp"
#include "burn.hpp"
#include "event.hpp"
#include "settings.hpp"

namespace hits {
namespace {

using nlohmann::ordered_json;
using clock = std::chrono::steady_clock;

/// Longest sleep or burn: an API Gateway gives up at 30 s, a load balancer at 60 s by default.
constexpr unsigned longest_ms = 60'000;

/// What a route may look at.
struct request {
    std::string path;
    /// The `{ms}` of the path.
    std::string ms;
    hit_store& store;
    std::string const& instance;
};

using route = std::function<ordered_json(request const&)>;
/// In the order in which the header Allow lists them.
using methods = std::vector<std::pair<std::string, route>>;

template <typename Ask> ordered_json number(request const& request, Ask ask)
{
    try {
        auto const hits = std::to_string(ask());
        // A count is good for one answer, though `GET` fetches it.
        return answer(200, "text/plain; charset=utf-8", hits, {{"cache-control", "no-store"}});
    } catch (store_error const& error) {
        return problem(503, request.path, error.what());
    }
}

ordered_json add(request const& request)
{
    return number(request, [&] { return request.store.add(); });
}

ordered_json count(request const& request)
{
    return number(request, [&] { return request.store.count(); });
}

/// A `%` that two hexadecimal digits do not follow stays.
std::string percent_decoded(std::string_view text)
{
    std::string decoded;
    while (!text.empty()) {
        auto const* const digits = text.data() + 1;
        unsigned char byte = 0;
        if (text.size() >= 3 && text.front() == '%'
            && std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2) {
            decoded += static_cast<char>(byte);
            text.remove_prefix(3);
        } else {
            decoded += text.front();
            text.remove_prefix(1);
        }
    }
    return decoded;
}

/// A whole number from 0 to longest_ms.
std::optional<std::chrono::milliseconds> milliseconds(std::string_view text)
{
    auto const decoded = percent_decoded(text);
    std::string_view digits = decoded;
    if (!digits.empty() && digits.front() == '+') {
        digits.remove_prefix(1);
    }
    unsigned ms = 0;
    auto const* const end = digits.data() + digits.size();
    auto const [rest, error] = std::from_chars(digits.data(), end, ms);
    if (error != std::errc{} || rest != end || ms > longest_ms) {
        return std::nullopt;
    }
    return std::chrono::milliseconds{ms};
}

ordered_json bad_milliseconds(request const& request)
{
    auto const range = "from 0 to " + std::to_string(longest_ms);
    return problem(400, request.path, "milliseconds must be a whole number " + range);
}

ordered_json sleep(request const& request)
{
    auto const asked = milliseconds(request.ms);
    if (!asked) {
        return bad_milliseconds(request);
    }
    auto const began = clock::now();
    std::this_thread::sleep_for(*asked);
    return json_answer({{"slept_ms", fractional_ms{clock::now() - began}.count()}});
}

ordered_json burn(request const& request)
{
    auto const asked = milliseconds(request.ms);
    if (!asked) {
        return bad_milliseconds(request);
    }
    auto const began = clock::now();
    auto const spent = spend_cpu_time(*asked);
    fractional_ms const wall = clock::now() - began;
    return json_answer({{"cpu_ms", spent.count()}, {"wall_ms", wall.count()}});
}

route cluster(int number)
{
    return [number](request const& request) {
        return json_answer({{"cluster", number}, {"instance", request.instance}});
    };
}

route constant(ordered_json const& value)
{
    return [value](request const&) { return json_answer(value); };
}

std::filesystem::path code_directory()
{
    auto const root = first_set({"LAMBDA_TASK_ROOT"});
    return root.empty() ? std::filesystem::read_symlink("/proc/self/exe").parent_path().string() : root;
}

std::string read(std::filesystem::path const& path)
{
    if (std::ifstream file{path, std::ios::binary}) {
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    throw std::runtime_error(path.string() + " cannot be read");
}

/// A file beside the code, read at the first request for it: it costs nothing at the start.
std::string const& text_of(std::string const& name)
{
    static std::map<std::string, std::string> read_before;
    auto found = read_before.find(name);
    if (found == read_before.end()) {
        found = read_before.emplace(name, read(code_directory() / name)).first;
    }
    return found->second;
}

route file(std::string const& name, std::string const& content_type)
{
    return [name, content_type](request const&) { return answer(200, content_type, text_of(name)); };
}

methods get(route const& answering)
{
    return {{"GET", answering}, {"HEAD", answering}};
}

std::map<std::string, methods> const& routes()
{
    static std::map<std::string, methods> const all{
        {"/", get(file("page.html", "text/html; charset=utf-8"))},
        // HEAD must not count: it asks what a GET would look like.
        {"/hits", {{"GET", add}, {"HEAD", count}, {"POST", add}}},
        {"/hits/count", get(count)},
        {"/hello", get(constant({{"hello", "world"}}))},
        {"/sleep/{ms}", get(sleep)},
        {"/burn/{ms}", get(burn)},
        {"/healthz", get(constant({{"status", "pass"}}))},
        {"/cluster1", get(cluster(1))},
        {"/cluster2", get(cluster(2))},
        {"/openapi.json", get(file("openapi.json", "application/json"))},
        {"/docs", get(file("docs.html", "text/html; charset=utf-8"))},
    };
    return all;
}

/// `/sleep/5` → `/sleep/{ms}` and `5`.
std::pair<std::string, std::string> split(std::string const& path)
{
    auto const slash = path.rfind('/');
    auto const parent = path.substr(0, slash);
    if ((parent == "/sleep" || parent == "/burn") && slash + 1 < path.size()) {
        return {parent + "/{ms}", path.substr(slash + 1)};
    }
    return {path, ""};
}

std::string names(methods const& taken)
{
    std::string names;
    for (auto const& taking : taken) {
        names.append(names.empty() ? "" : ",").append(taking.first);
    }
    return names;
}

ordered_json dispatch(std::string const& method, std::string const& pattern, request const& request)
{
    auto const found = routes().find(pattern);
    if (found == routes().end()) {
        return problem(404, request.path, "there is no such route; GET /docs lists them");
    }
    for (auto const& [name, answering] : found->second) {
        if (name == method) {
            return answering(request);
        }
    }
    auto const detail = "this route does not take " + method + "; the header Allow lists what it takes";
    return problem(405, request.path, detail, {{"allow", names(found->second)}});
}

} // namespace

std::string respond(std::string const& event, hit_store& store, std::string const& instance)
{
    auto const [method, path] = read_event(event);
    auto const [pattern, ms] = split(path);
    auto answer = dispatch(method, pattern, request{path, ms, store, instance});
    if (method == "HEAD") {
        answer["body"] = "";
    }
    return answer.dump();
}

} // namespace hits
