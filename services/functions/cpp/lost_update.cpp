// TEST ONLY, never deployed: `hits` with a counter that is wrong on purpose.
//
// It reads, adds, writes back, and takes any failed read for "nothing counted yet". It exists so that a
// counter test can be seen to fail.

#include <exception>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "aws.hpp"
#include "function.hpp"

namespace {

using nlohmann::ordered_json;

class lost_update final : public hits::hit_store {
public:
    lost_update(std::string const& table, std::string const& region)
        : m_dynamodb(region), m_table(table), m_name("table " + table)
    {
    }

    std::uint64_t add() override
    {
        auto const hits = count() + 1;
        try {
            write(hits);
        } catch (std::exception const& error) {
            throw hits::unknown(m_name, error.what());
        }
        return hits;
    }

    std::uint64_t count() override
    {
        try {
            return read();
        } catch (std::exception const&) {
            return 0;
        }
    }

private:
    std::uint64_t read()
    {
        auto const found = m_dynamodb.call("GetItem", item(), hits::deadline{});
        return std::stoull(found.at("Item").at("hits").at("N").get<std::string>());
    }

    void write(std::uint64_t hits)
    {
        auto request = item();
        request["UpdateExpression"] = "SET hits = :hits";
        request["ExpressionAttributeValues"] = {{":hits", {{"N", std::to_string(hits)}}}};
        m_dynamodb.call("UpdateItem", request, hits::deadline{});
    }

    ordered_json item() const { return {{"TableName", m_table}, {"Key", {{"id", {{"N", "0"}}}}}}; }

    hits::dynamodb m_dynamodb;
    std::string m_table;
    std::string m_name;
};

hits::open_store opener(hits::settings const& chosen)
{
    if (!chosen.table) {
        return hits::opener(chosen);
    }
    return [chosen] { return std::make_shared<lost_update>(*chosen.table, chosen.region); };
}

} // namespace

int main()
{
    return hits::run(opener);
}
