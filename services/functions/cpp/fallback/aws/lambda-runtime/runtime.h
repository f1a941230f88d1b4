// A client of the Lambda runtime API in one header, with as much of aws-lambda-cpp's interface as
// these functions use. It stands in where that library cannot be had.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

namespace aws::lambda_runtime {

struct invocation_request {
    std::string payload;
    std::string request_id;
    std::string xray_trace_id;
    std::string client_context;
    std::string cognito_identity;
    std::string function_arn;
    std::chrono::time_point<std::chrono::system_clock> deadline;
    std::string tenant_id;

    /// Until Lambda ends this invocation.
    std::chrono::milliseconds get_time_remaining() const
    {
        auto const left = deadline - std::chrono::system_clock::now();
        return std::chrono::duration_cast<std::chrono::milliseconds>(left);
    }
};

class invocation_response {
public:
    invocation_response(
        std::string payload, std::string content_type, bool success, std::string xray_response)
        : m_payload(std::move(payload)),
          m_content_type(std::move(content_type)),
          m_success(success),
          m_xray_response(std::move(xray_response))
    {
    }

    static invocation_response success(std::string const& payload, std::string const& content_type)
    {
        return {payload, content_type, true, ""};
    }

    static invocation_response failure(
        std::string const& error_message, std::string const& error_type, std::string const& xray_response)
    {
        nlohmann::ordered_json const error{
            {"errorMessage", error_message},
            {"errorType", error_type},
            {"stackTrace", nlohmann::ordered_json::array()},
        };
        return {error.dump(), "application/json", false, xray_response};
    }

    bool is_success() const { return m_success; }
    std::string const& get_payload() const { return m_payload; }
    std::string const& get_content_type() const { return m_content_type; }
    std::string const& get_xray_response() const { return m_xray_response; }

private:
    std::string m_payload;
    std::string m_content_type;
    bool m_success;
    std::string m_xray_response;
};

namespace detail {

struct http_answer {
    long status = 0;
    std::string body;
};

class header_list {
public:
    void add(std::string const& name, std::string const& value)
    {
        auto* const longer = curl_slist_append(m_list.get(), (name + ": " + value).c_str());
        if (longer == nullptr) {
            throw std::bad_alloc();
        }
        static_cast<void>(m_list.release());
        m_list.reset(longer);
    }

    curl_slist* get() const { return m_list.get(); }

private:
    struct cleanup {
        void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    };
    std::unique_ptr<curl_slist, cleanup> m_list;
};

/// One connection to the runtime API, kept open.
class connection {
public:
    explicit connection(std::string const& host)
        : m_root("http://" + host + "/2018-06-01/runtime/invocation/")
    {
        if (!m_curl) {
            throw std::runtime_error("libcurl gives no handle");
        }
    }

    http_answer get(std::string const& path)
    {
        begin(path);
        curl_easy_setopt(m_curl.get(), CURLOPT_HTTPGET, 1L);
        return finish();
    }

    /// A header of the last answer; empty where it has none.
    std::string header(char const* name) const
    {
        curl_header* found = nullptr;
        auto const outcome = curl_easy_header(m_curl.get(), name, 0, CURLH_HEADER, -1, &found);
        return outcome == CURLHE_OK ? found->value : "";
    }

    http_answer post(std::string const& path, header_list const& headers, std::string const& body)
    {
        begin(path);
        curl_easy_setopt(m_curl.get(), CURLOPT_HTTPHEADER, headers.get());
        curl_easy_setopt(m_curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(m_curl.get(), CURLOPT_POSTFIELDS, body.data());
        return finish();
    }

private:
    void begin(std::string const& path)
    {
        curl_easy_reset(m_curl.get());
        curl_easy_setopt(m_curl.get(), CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(m_curl.get(), CURLOPT_PROXY, "");
        curl_easy_setopt(m_curl.get(), CURLOPT_CONNECTTIMEOUT, 1L);
        // No limit on the answer: an environment may wait, frozen, for hours.
        curl_easy_setopt(m_curl.get(), CURLOPT_URL, (m_root + path).c_str());
        curl_easy_setopt(m_curl.get(), CURLOPT_WRITEFUNCTION, append);
    }

    http_answer finish()
    {
        http_answer answer;
        curl_easy_setopt(m_curl.get(), CURLOPT_WRITEDATA, &answer.body);
        auto const outcome = curl_easy_perform(m_curl.get());
        if (outcome != CURLE_OK) {
            throw std::runtime_error(std::string{"runtime API: "} + curl_easy_strerror(outcome));
        }
        curl_easy_getinfo(m_curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
        return answer;
    }

    static std::size_t append(char* data, std::size_t size, std::size_t count, void* body)
    {
        static_cast<std::string*>(body)->append(data, size * count);
        return size * count;
    }

    struct cleanup {
        void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    };

    std::string m_root;
    std::unique_ptr<CURL, cleanup> m_curl{curl_easy_init()};
};

inline void expect_success(char const* what, http_answer const& answer)
{
    if (answer.status < 200 || answer.status > 299) {
        auto const status = " brought status " + std::to_string(answer.status) + ": ";
        throw std::runtime_error(std::string{"runtime API: "} + what + status + answer.body);
    }
}

inline invocation_request next(connection& api)
{
    auto answer = api.get("next");
    expect_success("asking for an event", answer);
    invocation_request request;
    request.payload = std::move(answer.body);
    request.request_id = api.header("lambda-runtime-aws-request-id");
    request.xray_trace_id = api.header("lambda-runtime-trace-id");
    request.client_context = api.header("lambda-runtime-client-context");
    request.cognito_identity = api.header("lambda-runtime-cognito-identity");
    request.function_arn = api.header("lambda-runtime-invoked-function-arn");
    request.tenant_id = api.header("lambda-runtime-aws-tenant-id");
    auto const deadline = api.header("lambda-runtime-deadline-ms");
    request.deadline += std::chrono::milliseconds{std::strtoll(deadline.c_str(), nullptr, 10)};
    return request;
}

/// The `errorType` that the payload of a failure names.
inline std::string error_type(invocation_response const& response)
{
    auto const error = nlohmann::json::parse(response.get_payload(), nullptr, false);
    auto const named = error.is_object() && error.contains("errorType") && error["errorType"].is_string();
    return named ? error["errorType"].get<std::string>() : "Unhandled";
}

inline void post(connection& api, std::string const& request_id, invocation_response const& response)
{
    header_list headers;
    headers.add("Content-Type", response.get_content_type());
    if (!response.is_success()) {
        headers.add("Lambda-Runtime-Function-Error-Type", error_type(response));
    }
    if (!response.get_xray_response().empty()) {
        headers.add("Lambda-Runtime-Function-XRay-Error-Cause", response.get_xray_response());
    }
    auto const path = request_id + (response.is_success() ? "/response" : "/error");
    expect_success("answering an event", api.post(path, headers, response.get_payload()));
}

} // namespace detail

/// Answers events until the runtime API no longer takes part; the reason is on standard error then.
inline void run_handler(std::function<invocation_response(invocation_request const&)> const& handler)
{
    auto const* const host = std::getenv("AWS_LAMBDA_RUNTIME_API");
    if (host == nullptr) {
        std::cerr << "AWS_LAMBDA_RUNTIME_API is not set: this is a Lambda function" << std::endl;
        return;
    }
    try {
        detail::connection api{host};
        for (;;) {
            auto const request = detail::next(api);
            detail::post(api, request.request_id, handler(request));
        }
    } catch (std::exception const& error) {
        std::cerr << error.what() << std::endl;
    }
}

} // namespace aws::lambda_runtime
