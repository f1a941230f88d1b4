// DynamoDB calls that send each request once and keep to a deadline.

#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "signature.hpp"

namespace hits {

/// The time that one operation may take, over all its attempts.
class deadline {
public:
    deadline();

    std::chrono::milliseconds left() const;

    /// Waits at random, longer after each attempt (counted from 0). False, at once, where the time left
    /// is too short for that.
    bool wait(int attempt) const;

private:
    std::chrono::steady_clock::time_point m_end;
};

/// A call that brought nothing one can use.
class call_failed : public std::runtime_error {
public:
    /// AWS did not answer, or not in JSON.
    call_failed(std::string const& why, bool sent);
    /// AWS answered with an error.
    call_failed(std::string const& code, std::string const& message, long status);

    /// AWS's code of this error; empty where AWS did not answer.
    std::string const& code() const { return m_code; }
    /// The HTTP status that came with this error; 0 where AWS did not answer.
    long status() const { return m_status; }
    /// False: the request certainly never left this process.
    bool sent() const { return m_sent; }

private:
    std::string m_code;
    long m_status = 0;
    bool m_sent = true;
};

/// A DynamoDB client without retries: only its user knows which request may be repeated. Keeps one
/// connection open.
///
/// The endpoint follows `AWS_ENDPOINT_URL_DYNAMODB`, then `AWS_ENDPOINT_URL`, then the region.
/// Credentials come from `AWS_ACCESS_KEY_ID` and its companions.
class dynamodb {
public:
    explicit dynamodb(std::string const& region);

    /// Sends one request, once, and returns the answer, an object; throws call_failed.
    nlohmann::ordered_json call(
        std::string const& operation, nlohmann::ordered_json const& parameters, deadline const& until);

private:
    template <typename Value> void set(CURLoption option, Value value);

    struct cleanup {
        void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
    };

    signer m_signer;
    std::string m_session_token;
    /// As the header has it: every request is signed with it.
    std::string m_host;
    // libcurl may still write to it while the handle goes away.
    std::array<char, CURL_ERROR_SIZE> m_error{};
    std::unique_ptr<CURL, cleanup> m_curl;
};

} // namespace hits
