#include "function.hpp"

#include <cstdlib>
#include <cxxabi.h>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <typeinfo>

#include <aws/lambda-runtime/runtime.h>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "routes.hpp"

namespace hits {
namespace {

using aws::lambda_runtime::invocation_request;
using aws::lambda_runtime::invocation_response;

class curl_library {
public:
    curl_library()
    {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
            throw std::runtime_error("libcurl cannot be initialised");
        }
    }
    ~curl_library() { curl_global_cleanup(); }
    curl_library(curl_library const&) = delete;
    curl_library& operator=(curl_library const&) = delete;
};

/// The type's name as one writes it: `hits::bad_event`.
std::string name_of(std::type_info const& type)
{
    int status = 0;
    std::unique_ptr<char, decltype(&std::free)> const name{
        abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free};
    return name ? name.get() : type.name();
}

/// What the runtime API takes for an error. aws-lambda-cpp's own writes other bytes than ASCII wrongly.
invocation_response failure(std::exception const& error)
{
    nlohmann::ordered_json const document{
        {"errorMessage", error.what()},
        {"errorType", name_of(typeid(error))},
        {"stackTrace", nlohmann::ordered_json::array()},
    };
    auto const replace = nlohmann::ordered_json::error_handler_t::replace;
    return {document.dump(-1, ' ', false, replace), "application/json", false, ""};
}

invocation_response answer(invocation_request const& request, hit_store& store, std::string const& instance)
{
    try {
        return invocation_response::success(respond(request.payload, store, instance), "application/json");
    } catch (std::exception const& error) {
        return failure(error);
    }
}

void serve(open_store (*choose)(settings const&))
{
    auto const chosen = read_settings();
    if (!is_set("AWS_LAMBDA_RUNTIME_API")) {
        throw std::runtime_error(
            "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda function → deploy it as `bootstrap`");
    }
    // Everything up to the first event happens once per environment, so that all its events share one
    // client and its open connection.
    curl_library const curl;
    auto const open = choose(chosen);
    auto const kept = chosen.per_call ? nullptr : open();
    aws::lambda_runtime::run_handler([&](invocation_request const& request) {
        auto const store = kept ? kept : open();
        return answer(request, *store, chosen.instance);
    });
    throw std::runtime_error("the runtime API no longer answers");
}

} // namespace

int run(open_store (*choose)(settings const&))
{
    try {
        serve(choose);
    } catch (std::exception const& error) {
        std::cerr << "function-cpp: " << error.what() << std::endl;
    }
    return EXIT_FAILURE;
}

} // namespace hits
