#include "settings.hpp"

#include <algorithm>
#include <cstdlib>

#include <nlohmann/json.hpp>

namespace hits {
namespace {

bool is_table_name(std::string_view name)
{
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return name.size() >= 3 && name.size() <= 255
        && name.find_first_not_of(allowed) == std::string_view::npos;
}

std::optional<std::string> table()
{
    auto name = variable("HITS_TABLE");
    if (name && !is_table_name(*name)) {
        throw bad_setting(
            "HITS_TABLE",
            *name,
            "not a table name: 3 to 255 of a-z A-Z 0-9 _ . -",
            "set the name of a DynamoDB table, or unset it to count in memory");
    }
    return name;
}

void refuse_bucket()
{
    if (auto const name = variable("HITS_BUCKET")) {
        throw bad_setting(
            "HITS_BUCKET",
            *name,
            "this function counts in a table or in memory",
            "set HITS_TABLE instead, or unset it to count in memory");
    }
}

std::string region(bool needed)
{
    auto name = first_set({"AWS_REGION", "AWS_DEFAULT_REGION"});
    if (name.empty() && needed) {
        throw bad_setting(
            "AWS_REGION",
            "",
            "HITS_TABLE names a table and a table is in a region",
            "set the table's region, such as eu-west-2");
    }
    return name;
}

bool per_call()
{
    auto const value = first_set({"HITS_INIT"});
    if (!value.empty() && value != "per-call") {
        throw bad_setting(
            "HITS_INIT",
            value,
            "not a way to make the client",
            "set per-call to make it at every call, or unset it to make it once");
    }
    return value == "per-call";
}

std::string quoted(std::string_view value)
{
    // Bytes that are not UTF-8 become replacement characters.
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text(
    std::string_view name, std::string_view value, std::string_view why, std::string_view next_step)
{
    std::string text{name};
    text.append("=").append(quoted(value)).append(" cannot be used: ");
    return text.append(why).append(" → ").append(next_step);
}

} // namespace

bad_setting::bad_setting(
    std::string_view name, std::string_view value, std::string_view why, std::string_view next_step)
    : std::runtime_error(text(name, value, why, next_step))
{
}

settings read_settings()
{
    auto const chosen = table();
    refuse_bucket();
    return {
        first_set({"INSTANCE_ID", "AWS_LAMBDA_LOG_STREAM_NAME"}),
        chosen,
        region(chosen.has_value()),
        per_call(),
    };
}

std::optional<std::string> variable(char const* name)
{
    auto const* const value = std::getenv(name);
    return value ? std::optional<std::string>{value} : std::nullopt;
}

bool is_set(char const* name)
{
    return !variable(name).value_or("").empty();
}

std::string first_set(std::initializer_list<char const*> names)
{
    auto const* const found = std::find_if(names.begin(), names.end(), is_set);
    return found == names.end() ? "" : *variable(*found);
}

} // namespace hits
