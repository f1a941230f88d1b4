#include "store.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

#include <nlohmann/json.hpp>

#include "aws.hpp"

namespace hits {
namespace {

using nlohmann::ordered_json;

/// The first and two more.
constexpr int max_attempts = 3;

/// What DynamoDB answers when it turned a request away before looking at the item.
constexpr std::array<std::string_view, 3> throttles{
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
};

std::string joined(std::initializer_list<std::string_view> parts)
{
    std::string whole;
    for (auto const part : parts) {
        whole += part;
    }
    return whole;
}

/// A count that starts at 0, is lost when the process ends and is not shared with any other.
class memory_store final : public hit_store {
public:
    // A Lambda environment handles one event at a time: nothing runs beside this.
    std::uint64_t add() override { return ++m_hits; }
    std::uint64_t count() override { return m_hits; }

private:
    std::uint64_t m_hits = 0;
};

bool is_throttle(call_failed const& error)
{
    return std::find(throttles.begin(), throttles.end(), error.code()) != throttles.end();
}

/// Whether this failed update certainly left the item as it was: the request was never sent, or
/// DynamoDB refused it with 400, the status of all its client errors.
bool not_applied(call_failed const& error)
{
    return !error.sent() || error.status() == 400;
}

/// Throws where the item holds no count.
std::uint64_t number(ordered_json const& item)
{
    auto const hits = item.find("hits");
    if (hits == item.end()) {
        throw std::runtime_error("attribute `hits` is missing");
    }
    auto const value = hits->find("N");
    if (value == hits->end() || !value->is_string()) {
        throw std::runtime_error("attribute `hits` is not a number");
    }
    auto const& text = value->get_ref<std::string const&>();
    auto const* const end = text.data() + text.size();
    std::uint64_t number = 0;
    auto const [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc{} || rest != end) {
        throw std::runtime_error("attribute `hits` is " + text + ", not a count");
    }
    return number;
}

/// A count in the item `id = 0` (a number) of a table, in its attribute `hits`. No item: 0. Kept and
/// shared: any number of processes add to the same count.
class table_store final : public hit_store {
public:
    table_store(std::string const& table, std::string const& region)
        : m_dynamodb(region), m_table(table), m_name("table " + table)
    {
    }

    std::uint64_t add() override
    {
        try {
            return number(update().value("Attributes", ordered_json::object()));
        } catch (call_failed const& error) {
            if (not_applied(error)) {
                throw refused(m_name, error.what());
            }
            throw unknown(m_name, error.what());
        } catch (std::exception const& error) {
            throw unknown(m_name, error.what());
        }
    }

    std::uint64_t count() override
    {
        try {
            auto request = item();
            request["ConsistentRead"] = true;
            auto const read = m_dynamodb.call("GetItem", request, deadline{});
            auto const item = read.find("Item");
            return item == read.end() ? 0 : number(*item);
        } catch (std::exception const& error) {
            throw unread(m_name, error.what());
        }
    }

private:
    /// Repeats after a throttle and nothing else. A timeout, a reset connection or a status 5xx leaves
    /// open whether the update was applied, and `ADD` twice counts one hit twice.
    ordered_json update()
    {
        auto request = item();
        request["UpdateExpression"] = "ADD hits :one";
        request["ExpressionAttributeValues"] = {{":one", {{"N", "1"}}}};
        request["ReturnValues"] = "UPDATED_NEW";
        deadline const until;
        for (int attempt = 0;; ++attempt) {
            try {
                return m_dynamodb.call("UpdateItem", request, until);
            } catch (call_failed const& error) {
                auto const last = attempt + 1 == max_attempts;
                if (last || !is_throttle(error) || !until.wait(attempt)) {
                    throw;
                }
            }
        }
    }

    ordered_json item() const { return {{"TableName", m_table}, {"Key", {{"id", {{"N", "0"}}}}}}; }

    dynamodb m_dynamodb;
    std::string m_table;
    std::string m_name;
};

} // namespace

refused::refused(std::string_view store, std::string_view why)
    : store_error(
        joined({store, " refused (", why, "): nothing was counted, the request can be sent again"}))
{
}

unknown::unknown(std::string_view store, std::string_view why)
    : store_error(
        joined({store, " gave no clear answer (", why, "): the hit may or may not have been counted"}))
{
}

unread::unread(std::string_view store, std::string_view why)
    : store_error(joined({store, " could not be read (", why, ")"}))
{
}

open_store opener(settings const& chosen)
{
    if (chosen.table) {
        return [table = *chosen.table, region = chosen.region] {
            return std::make_shared<table_store>(table, region);
        };
    }
    return [memory = std::make_shared<memory_store>()] { return memory; };
}

} // namespace hits
