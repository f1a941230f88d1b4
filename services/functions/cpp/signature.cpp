#include "signature.hpp"

namespace hits {
namespace {

using digest = std::array<std::uint8_t, 32>;

/// SHA-256 works on blocks of this many bytes.
constexpr std::size_t block_bytes = 64;

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4).
constexpr std::array<std::uint32_t, 64> round_constants{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr std::uint32_t rotated(std::uint32_t word, unsigned by)
{
    return word >> by | word << (32 - by);
}

void take_block(std::array<std::uint32_t, 8>& state, char const* block)
{
    std::array<std::uint32_t, 64> words{};
    for (std::size_t i = 0; i < 16; ++i) {
        for (std::size_t byte = 0; byte < 4; ++byte) {
            words[i] = words[i] << 8 | static_cast<std::uint8_t>(block[4 * i + byte]);
        }
    }
    for (std::size_t i = 16; i < 64; ++i) {
        auto const early = words[i - 15];
        auto const late = words[i - 2];
        words[i] = words[i - 16] + words[i - 7]
            + (rotated(early, 7) ^ rotated(early, 18) ^ early >> 3)
            + (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t i = 0; i < 64; ++i) {
        auto const one = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g))
            + round_constants[i] + words[i];
        auto const two =
            (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + one;
        d = c;
        c = b;
        b = a;
        a = one + two;
    }
    std::array<std::uint32_t, 8> const worked{a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < state.size(); ++i) {
        state[i] += worked[i];
    }
}

std::string_view bytes_of(digest const& of)
{
    return {reinterpret_cast<char const*>(of.data()), of.size()};
}

std::string hexadecimal(digest const& of)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (auto const byte : of) {
        text.append({digits[byte >> 4], digits[byte & 15]});
    }
    return text;
}

} // namespace

digest sha256(std::string_view message)
{
    std::array<std::uint32_t, 8> state{
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    std::string padded{message};
    padded += '\x80';
    padded.resize((padded.size() + 8 + block_bytes - 1) / block_bytes * block_bytes - 8, '\0');
    std::uint64_t const bits = std::uint64_t{message.size()} * 8;
    for (int shift = 56; shift >= 0; shift -= 8) {
        padded += static_cast<char>(bits >> shift & 0xff);
    }
    for (std::size_t at = 0; at < padded.size(); at += block_bytes) {
        take_block(state, padded.data() + at);
    }
    digest result{};
    for (std::size_t i = 0; i < result.size(); ++i) {
        result[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    return result;
}

digest hmac_sha256(std::string_view key, std::string_view message)
{
    std::string padded{key.size() > block_bytes ? bytes_of(sha256(key)) : key};
    padded.resize(block_bytes, '\0');
    std::string inner;
    std::string outer;
    for (auto const byte : padded) {
        inner += static_cast<char>(byte ^ 0x36);
        outer += static_cast<char>(byte ^ 0x5c);
    }
    auto const within = sha256(inner.append(message));
    return sha256(outer.append(bytes_of(within)));
}

std::string amz_date(std::time_t now)
{
    std::tm utc{};
    gmtime_r(&now, &utc);
    std::array<char, sizeof "20150830T123600Z"> text{};
    std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc);
    return text.data();
}

std::string authorization(
    signer const& by,
    std::string const& amz_date,
    std::map<std::string, std::string> const& headers,
    std::string_view body)
{
    std::string canonical_headers;
    std::string names;
    // A map is in the order of its names, as the canonical form wants it.
    for (auto const& [name, value] : headers) {
        canonical_headers += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    auto const canonical =
        "POST\n/\n\n" + canonical_headers + "\n" + names + "\n" + hexadecimal(sha256(body));
    auto const day = amz_date.substr(0, 8);
    auto const scope = day + "/" + by.region + "/" + by.service + "/aws4_request";
    auto const to_sign =
        "AWS4-HMAC-SHA256\n" + amz_date + "\n" + scope + "\n" + hexadecimal(sha256(canonical));
    auto key = hmac_sha256("AWS4" + by.secret_access_key, day);
    for (std::string_view const part : {std::string_view{by.region}, std::string_view{by.service},
                                        std::string_view{"aws4_request"}}) {
        key = hmac_sha256(bytes_of(key), part);
    }
    return "AWS4-HMAC-SHA256 Credential=" + by.access_key_id + "/" + scope
        + ", SignedHeaders=" + names
        + ", Signature=" + hexadecimal(hmac_sha256(bytes_of(key), to_sign));
}

} // namespace hits
