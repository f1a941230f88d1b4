// What the environment asks for.

#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace hits {

/// All that can be set, read once at the start.
struct settings {
    std::string instance;
    /// None: count in memory.
    std::optional<std::string> table;
    std::string region;
    /// Make the client inside the handler, at every call: to show what that costs.
    bool per_call;
};

/// An environment variable that cannot be used.
class bad_setting : public std::runtime_error {
public:
    bad_setting(
        std::string_view name, std::string_view value, std::string_view why, std::string_view next_step);
};

/// Reads this process's environment; throws bad_setting for the first bad variable.
settings read_settings();

/// A variable of the environment; none where it is not there at all.
std::optional<std::string> variable(char const* name);

/// Whether a variable is there and not empty.
bool is_set(char const* name);

/// The first of these variables that is set, else an empty text.
std::string first_set(std::initializer_list<char const*> names);

} // namespace hits
