// Events in payload format 2.0.

#pragma once

#include <stdexcept>
#include <string>

namespace hits {

/// Not an event that an HTTP API or a function URL sends.
class bad_event : public std::runtime_error {
public:
    bad_event();
};

/// An HTTP request, as far as the routes look at it.
struct event {
    std::string method;
    std::string path;
};

/// Reads the JSON of an event; throws bad_event.
event read_event(std::string const& json);

} // namespace hits
