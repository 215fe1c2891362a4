#include "contrib/simulator/node/params.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <sstream>
#include <utility>

#include "common/codec/hex.hpp"

namespace millrace::sim {
namespace {

std::vector<std::string> names_of(std::string_view usage) {
    std::vector<std::string> out;
    std::istringstream words{std::string(usage)};
    for (std::string word; words >> word;) {
        if (word.starts_with('[')) word = word.substr(1, word.size() - 2);
        out.push_back(std::move(word));
    }
    return out;
}

}  // namespace

std::optional<std::uint64_t> u64_of(const boost::json::value& value) {
    if (value.is_uint64()) return value.get_uint64();
    if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
    if (!value.is_string()) return std::nullopt;
    const std::string_view text = value.get_string();
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<Msat> msat_of(const boost::json::value& value) {
    if (value.is_string()) {
        const Result<Msat> parsed = Msat::parse(std::string_view(value.get_string()));
        if (!parsed) return std::nullopt;
        return *parsed;
    }
    const auto number = u64_of(value);
    if (!number) return std::nullopt;
    return Msat(*number);
}

Params::Params(std::string_view method, std::string_view usage, const boost::json::value& value, bool checking)
    : method_(method), checking_(checking) {
    names_ = names_of(usage);
    const bool any = !names_.empty() && names_.back() == "...";
    if (any) names_.pop_back();
    const std::vector<std::string>& names = names_;
    if (value.is_object()) {
        values_ = value.get_object();
        for (const auto& [key, given] : values_) {
            bool known = any;
            for (const std::string& name : names) known = known || name == key;
            if (!known && !fault_) {
                fault_ = "unknown parameter: " + std::string(key) +
                         ", this may be caused by a failure to autodetect key=value-style parameters. Please try using "
                         "the -k flag and explicit key=value pairs of parameters.";
            }
        }
    } else if (value.is_array()) {
        const boost::json::array& given = value.get_array();
        if (given.size() > names.size()) {
            fault_ = "too many parameters: got " + std::to_string(given.size()) + ", expected " +
                     std::to_string(names.size());
        }
        for (std::size_t i = 0; i < given.size() && i < names.size(); ++i) values_[names[i]] = given[i];
    } else {
        fault_ = "Expected array or object for params";
    }
}

boost::json::object Params::others() const {
    boost::json::object out;
    for (const auto& [key, given] : values_) {
        if (std::find(names_.begin(), names_.end(), std::string_view(key)) == names_.end()) out[key] = given;
    }
    return out;
}

const boost::json::value* Params::find(std::string_view name) const {
    const auto found = values_.find(name);
    if (found == values_.end() || found->value().is_null()) return nullptr;
    return &found->value();
}

const boost::json::value* Params::require(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) refuse("missing required parameter: " + std::string(name));
    return value;
}

void Params::refuse(std::string message) {
    if (!fault_) fault_ = std::move(message);
}

void Params::bad(std::string_view name, std::string_view what) {
    const boost::json::value* value = find(name);
    refuse(std::string(name) + ": " + std::string(what) + ": invalid token '" +
           (value == nullptr ? "" : boost::json::serialize(*value)) + "'");
}

std::string Params::string(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return {};
    if (value->is_string()) return std::string(value->get_string());
    // lightningd takes a number where a string is asked for (labels, command-line callers).
    if (value->is_int64() || value->is_uint64()) return boost::json::serialize(*value);
    bad(name, "should be a string");
    return {};
}

std::optional<std::string> Params::optional_string(std::string_view name) {
    if (!has(name)) return std::nullopt;
    return string(name);
}

std::uint64_t Params::u64(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return 0;
    const auto number = u64_of(*value);
    if (!number) bad(name, "should be an unsigned 64 bit integer");
    return number.value_or(0);
}

std::optional<std::uint64_t> Params::optional_u64(std::string_view name, std::uint64_t max) {
    if (!has(name)) return std::nullopt;
    const std::uint64_t number = u64(name);
    if (number > max) bad(name, "should be an integer of at most " + std::to_string(max));
    return number;
}

std::optional<bool> Params::optional_boolean(std::string_view name) {
    const boost::json::value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_bool()) return value->get_bool();
    if (value->is_string() && (value->get_string() == "true" || value->get_string() == "false"))
        return value->get_string() == "true";
    bad(name, "should be 'true' or 'false'");
    return std::nullopt;
}

Msat Params::msat(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return Msat();
    const auto amount = msat_of(*value);
    if (!amount) bad(name, "should be a millisatoshi amount");
    return amount.value_or(Msat());
}

std::optional<Msat> Params::optional_msat(std::string_view name) {
    if (!has(name)) return std::nullopt;
    return msat(name);
}

std::optional<Msat> Params::msat_or_any(std::string_view name) {
    const boost::json::value* value = require(name);
    if (value == nullptr) return std::nullopt;
    if (value->is_string() && value->get_string() == "any") return std::nullopt;
    const auto amount = msat_of(*value);
    if (!amount || *amount == Msat()) bad(name, "should be positive msat or 'any'");
    return amount;
}

std::optional<Bytes> Params::optional_hex(std::string_view name) {
    const auto text = optional_string(name);
    if (!text) return std::nullopt;
    Result<Bytes> bytes = codec::from_hex(*text);
    if (bytes) return std::move(*bytes);
    bad(name, "should be a hex string");
    return std::nullopt;
}

const boost::json::array& Params::array(std::string_view name) {
    static const boost::json::array empty;
    const boost::json::value* value = require(name);
    if (value == nullptr) return empty;
    if (value->is_array()) return value->get_array();
    bad(name, "must be an array");
    return empty;
}

bool Params::faulty(const Reply& reply) const {
    if (fault_) reply.error(rpc_code::bad_params, *fault_);
    return fault_.has_value();
}

bool Params::ends(const Reply& reply) const {
    if (faulty(reply)) return true;
    if (checking_) {
        reply.result(boost::json::object{{"command_to_check", method_}});
        return true;
    }
    return false;
}

}  // namespace millrace::sim
