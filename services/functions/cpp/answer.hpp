// Answers in payload format 2.0.

#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace hits {

nlohmann::ordered_json answer(
    int status,
    std::string_view content_type,
    std::string body,
    nlohmann::ordered_json const& headers = nlohmann::ordered_json::object());

/// Status 200 and this value.
nlohmann::ordered_json json_answer(nlohmann::ordered_json const& value);

/// An RFC 9457 problem document. The status says what kind of problem it is.
nlohmann::ordered_json problem(
    int status,
    std::string_view path,
    std::string_view detail,
    nlohmann::ordered_json const& headers = nlohmann::ordered_json::object());

} // namespace hits
