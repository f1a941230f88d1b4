// AWS Signature Version 4 of a request that carries a body and no query.

#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

namespace hits {

/// SHA-256, as FIPS 180-4 defines it.
std::array<std::uint8_t, 32> sha256(std::string_view message);

/// HMAC with SHA-256, as RFC 2104 defines it.
std::array<std::uint8_t, 32> hmac_sha256(std::string_view key, std::string_view message);

/// Who signs, and for which service where.
struct signer {
    std::string access_key_id;
    std::string secret_access_key;
    std::string region;
    std::string service;
};

/// The value of the header `Authorization` of `POST /`. `headers` are all headers that are signed, by
/// their names in lower case, `host` (with its port, where it is not the scheme's own) and
/// `x-amz-date` (`now` as [`amz_date`] gives it) among them.
///
/// libcurl can sign, too, but before 7.86 it signs three headers only, and the host without its port:
/// docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html asks for all
/// `x-amz-*` headers.
std::string authorization(
    signer const& by,
    std::string const& amz_date,
    std::map<std::string, std::string> const& headers,
    std::string_view body);

/// A time as signatures name it, such as `20150830T123600Z`.
std::string amz_date(std::time_t now);

} // namespace hits
