// Where the count lives.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "settings.hpp"

namespace hits {

/// A counter.
class hit_store {
public:
    virtual ~hit_store() = default;

    /// Adds one and returns the new count. No two calls return the same number, in whatever process.
    virtual std::uint64_t add() = 0;

    /// The count, including every add that has returned.
    virtual std::uint64_t count() = 0;
};

/// Why a store gave no count.
class store_error : public std::runtime_error {
protected:
    using std::runtime_error::runtime_error;
};

/// Certainly nothing was added.
class refused : public store_error {
public:
    refused(std::string_view store, std::string_view why);
};

/// The answer was lost or told nothing; repeating could count one hit twice.
class unknown : public store_error {
public:
    unknown(std::string_view store, std::string_view why);
};

/// A count could not be read.
class unread : public store_error {
public:
    unread(std::string_view store, std::string_view why);
};

/// Makes the store's client. Sends nothing: a table that is missing shows at the first hit.
using open_store = std::function<std::shared_ptr<hit_store>()>;

/// How the chosen store is opened.
open_store opener(settings const& chosen);

} // namespace hits
