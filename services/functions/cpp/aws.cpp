#include "aws.hpp"

#include <algorithm>
#include <ctime>
#include <map>
#include <new>
#include <random>
#include <thread>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "settings.hpp"

namespace hits {
namespace {

using namespace std::chrono_literals;
using nlohmann::ordered_json;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

/// Within a region connecting takes about a millisecond; a second is a lost SYN and its repetition.
constexpr auto connect_timeout = 1000ms;
/// Of one attempt, connecting included.
constexpr auto attempt_timeout = 2000ms;
/// Of all attempts: an answer still fits into AWS Lambda's default timeout of 3 s.
constexpr auto operation_timeout = 2500ms;

/// Upper end of the first random wait; DynamoDB's own clients start at 25 ms too.
constexpr auto initial_backoff = 25ms;
constexpr auto longest_backoff = 200ms;

/// Where Amazon Linux keeps the authorities. A libcurl from elsewhere looks elsewhere.
constexpr auto amazon_linux_authorities = "/etc/pki/tls/certs/ca-bundle.crt";

struct free_list {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using header_list = std::unique_ptr<curl_slist, free_list>;

void add(header_list& headers, std::string const& header)
{
    auto* const longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) {
        throw std::bad_alloc();
    }
    static_cast<void>(headers.release());
    headers.reset(longer);
}

std::size_t append(char* data, std::size_t size, std::size_t count, void* body)
{
    static_cast<std::string*>(body)->append(data, size * count);
    return size * count;
}

long bytes_sent(CURL* curl)
{
    long size = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &size);
    return size;
}

/// libcurl calls this on an open connection, right before it sends the request. It does so a second
/// time when a kept connection died before any answer: by itself it would send the request again,
/// though the first one may have been applied.
int send_once(void* curl, char*, char*, int, int)
{
    return bytes_sent(curl) == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/// What stands in `Host`: the authority of an `http` or `https` URL without a user.
std::string host_of(std::string const& url)
{
    auto const begin = url.find("://");
    auto const authority = begin == std::string::npos ? url : url.substr(begin + 3);
    return authority.substr(0, authority.find_first_of("/?#"));
}

std::string endpoint(std::string const& region)
{
    auto const own = first_set({"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"});
    return own.empty() ? "https://dynamodb." + region + ".amazonaws.com" : own;
}

/// Certificate authorities other than those that libcurl would take; empty: take these.
std::string authorities(CURL* curl)
{
    char const* usual = nullptr;
#if LIBCURL_VERSION_NUM >= 0x075400
    curl_easy_getinfo(curl, CURLINFO_CAINFO, &usual);
#else
    static_cast<void>(curl);
#endif
    auto const own = first_set({"AWS_CA_BUNDLE"});
    auto const missing = usual != nullptr && access(usual, R_OK) != 0;
    return own.empty() && missing ? amazon_linux_authorities : own;
}

std::string text_of(ordered_json const& object, char const* field)
{
    auto const found = object.find(field);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// `{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"…"}`, or whatever a
/// proxy on the way answered.
call_failed refusal(long status, std::string const& body)
{
    auto const document = ordered_json::parse(body, nullptr, false);
    auto const type = text_of(document, "__type");
    auto const message = text_of(document, "message");
    return {
        type.substr(type.find('#') + 1),
        message.empty() ? text_of(document, "Message") : message,
        status,
    };
}

std::string in_short(std::string const& code, std::string const& message, long status)
{
    auto const kind = code.empty() ? "status " + std::to_string(status) : code;
    return message.empty() ? kind : kind + ": " + message;
}

} // namespace

deadline::deadline() : m_end(std::chrono::steady_clock::now() + operation_timeout) {}

milliseconds deadline::left() const
{
    return duration_cast<milliseconds>(m_end - std::chrono::steady_clock::now());
}

bool deadline::wait(int attempt) const
{
    static thread_local std::mt19937 random{std::random_device{}()};
    using seconds = std::chrono::duration<double>;
    seconds const longest = std::min<milliseconds>(initial_backoff * (1 << attempt), longest_backoff);
    seconds const pause{std::uniform_real_distribution<>{0.0, longest.count()}(random)};
    if (pause >= left()) {
        return false;
    }
    std::this_thread::sleep_for(pause);
    return true;
}

call_failed::call_failed(std::string const& why, bool sent) : std::runtime_error(why), m_sent(sent) {}

call_failed::call_failed(std::string const& code, std::string const& message, long status)
    : std::runtime_error(in_short(code, message, status)), m_code(code), m_status(status)
{
}

template <typename Value> void dynamodb::set(CURLoption option, Value value)
{
    auto const outcome = curl_easy_setopt(m_curl.get(), option, value);
    if (outcome != CURLE_OK) {
        throw std::runtime_error(std::string{"libcurl: "} + curl_easy_strerror(outcome));
    }
}

dynamodb::dynamodb(std::string const& region)
    : m_signer{first_set({"AWS_ACCESS_KEY_ID"}), first_set({"AWS_SECRET_ACCESS_KEY"}), region, "dynamodb"},
      m_session_token(first_set({"AWS_SESSION_TOKEN"})),
      m_host(host_of(endpoint(region))),
      m_curl(curl_easy_init())
{
    if (!m_curl) {
        throw std::runtime_error("libcurl gives no handle");
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_ERRORBUFFER, m_error.data());
    set(CURLOPT_URL, endpoint(region).c_str());
#if LIBCURL_VERSION_NUM >= 0x075500
    set(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    set(CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout.count()));
    set(CURLOPT_WRITEFUNCTION, append);
    set(CURLOPT_PREREQFUNCTION, send_once);
    set(CURLOPT_PREREQDATA, m_curl.get());
    if (auto const own = authorities(m_curl.get()); !own.empty()) {
        set(CURLOPT_CAINFO, own.c_str());
    }
}

ordered_json dynamodb::call(
    std::string const& operation, ordered_json const& parameters, deadline const& until)
{
    if (m_signer.access_key_id.empty() || m_signer.secret_access_key.empty()) {
        throw call_failed("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not both set", false);
    }
    auto const request = parameters.dump();
    std::map<std::string, std::string> signed_headers{
        {"content-type", "application/x-amz-json-1.0"},
        {"host", m_host},
        {"x-amz-date", amz_date(std::time(nullptr))},
        {"x-amz-target", "DynamoDB_20120810." + operation},
    };
    if (!m_session_token.empty()) {
        signed_headers["x-amz-security-token"] = m_session_token;
    }
    header_list headers;
    for (auto const& [name, value] : signed_headers) {
        add(headers, name + ": " + value);
    }
    add(headers,
        "authorization: "
            + authorization(m_signer, signed_headers["x-amz-date"], signed_headers, request));
    std::string answer;
    // Never 0, which would mean no limit.
    auto const timeout = std::clamp<milliseconds>(until.left(), 1ms, attempt_timeout);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout.count()));
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request.size()));
    set(CURLOPT_POSTFIELDS, request.c_str());
    set(CURLOPT_WRITEDATA, &answer);

    m_error.front() = '\0';
    auto const outcome = curl_easy_perform(m_curl.get());
    if (outcome == CURLE_ABORTED_BY_CALLBACK) {
        throw call_failed("the connection was closed before an answer came", true);
    }
    if (outcome != CURLE_OK) {
        auto const* const why = m_error.front() ? m_error.data() : curl_easy_strerror(outcome);
        throw call_failed(why, bytes_sent(m_curl.get()) > 0);
    }
    long status = 0;
    curl_easy_getinfo(m_curl.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status >= 300) {
        throw refusal(status, answer);
    }
    auto document = ordered_json::parse(answer, nullptr, false);
    if (!document.is_object()) {
        throw call_failed("the answer is not a JSON object", true);
    }
    return document;
}

} // namespace hits
