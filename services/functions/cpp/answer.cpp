#include "answer.hpp"

#include <utility>

namespace hits {
namespace {

using nlohmann::ordered_json;

/// What may stand in a URL's path as it is (RFC 3986, and as browsers do it).
constexpr std::string_view as_it_is =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-~"
    R"(/%:@!$&'()*+,;=|[]\)";

std::string percent_encoded(std::string_view path)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (auto const c : path) {
        if (as_it_is.find(c) != std::string_view::npos) {
            encoded += c;
        } else {
            auto const byte = static_cast<unsigned char>(c);
            encoded.append({'%', digits[byte >> 4], digits[byte & 15]});
        }
    }
    return encoded;
}

std::string_view title(int status)
{
    switch (status) {
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

} // namespace

ordered_json answer(
    int status, std::string_view content_type, std::string body, ordered_json const& headers)
{
    ordered_json all{{"content-type", content_type}};
    all.update(headers);
    return {
        {"statusCode", status},
        {"headers", std::move(all)},
        {"body", std::move(body)},
        {"isBase64Encoded", false},
    };
}

ordered_json json_answer(ordered_json const& value)
{
    return answer(200, "application/json", value.dump());
}

ordered_json problem(
    int status, std::string_view path, std::string_view detail, ordered_json const& headers)
{
    ordered_json const document{
        {"type", "about:blank"},
        {"title", title(status)},
        {"status", status},
        {"detail", detail},
        {"instance", percent_encoded(path)},
    };
    return answer(status, "application/problem+json", document.dump(), headers);
}

} // namespace hits
