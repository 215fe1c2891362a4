#include "service/config/definition.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <sstream>

#include "common/codec/hex.hpp"
#include "common/crypto/hash.hpp"
#include "service/config/header_value.hpp"
#include "service/config/read_service.hpp"

namespace millrace::config {
namespace {

namespace json = boost::json;

// Tables of fields whose values may be secrets: keys from the outside in.
const std::vector<std::vector<std::string_view>> headers_keys = {{"upstream_headers"}, {"pricer", "send"}};
constexpr std::size_t version_length = 16;

json::value to_json(const toml::node& node) {
    if (const toml::table* table = node.as_table()) return config::to_json(*table);
    if (const toml::array* array = node.as_array()) {
        json::array out;
        for (const toml::node& element : *array) out.push_back(to_json(element));
        return out;
    }
    if (auto text = node.value_exact<std::string>()) return json::string(*text);
    if (auto number = node.value_exact<std::int64_t>()) return *number;
    if (auto number = node.value_exact<double>()) return *number;
    if (auto flag = node.value_exact<bool>()) return *flag;
    return nullptr;  // a date: no key of a service takes one
}

// RFC 6901 §3.
std::string below(const std::string& pointer, std::string_view key) {
    std::string out = pointer + '/';
    for (char c : key) {
        if (c == '~')
            out += "~0";
        else if (c == '/')
            out += "~1";
        else
            out += c;
    }
    return out;
}

// What a value is called when it stands where TOML has none like it.
void refuse(Faults& faults, const std::string& source, std::string pointer, std::string_view what) {
    faults.add({source, 0, std::move(pointer), {}, std::string(what)});
}

// From JSON to TOML. Values that TOML does not have are noted.
class Converter {
  public:
    Converter(std::string source, Faults& faults) : source_(std::move(source)), faults_(faults) {}

    toml::table table(const json::object& object, const std::string& pointer) {
        toml::table out;
        for (const auto& [key, value] : object) {
            add(value, below(pointer, key), [&out, &key = key](auto&& item) {
                out.insert_or_assign(std::string_view(key), std::forward<decltype(item)>(item));
            });
        }
        return out;
    }

  private:
    template <class Put>
    void add(const json::value& value, const std::string& pointer, Put put) {
        switch (value.kind()) {
            case json::kind::string:
                return put(std::string(value.get_string()));
            case json::kind::bool_:
                return put(value.get_bool());
            case json::kind::int64:
                return put(value.get_int64());
            case json::kind::double_:
                return put(value.get_double());
            case json::kind::object:
                return put(table(value.get_object(), pointer));
            case json::kind::array:
                return put(array(value.get_array(), pointer));
            case json::kind::uint64:
                return refuse(faults_, source_, pointer, "must be a whole number of at most 9223372036854775807");
            case json::kind::null:
                break;
        }
        refuse(faults_, source_, pointer,
               "must have a value, not null: leave the key out, or where a secret is hidden, give \"${VARIABLE}\" or "
               "\"file:PATH\"");
    }

    toml::array array(const json::array& values, const std::string& pointer) {
        toml::array out;
        for (std::size_t i = 0; i < values.size(); ++i) {
            add(values[i], below(pointer, std::to_string(i)),
                [&out](auto&& item) { out.push_back(std::forward<decltype(item)>(item)); });
        }
        return out;
    }

    std::string source_;
    Faults& faults_;
};

// Which value of a definition stands on which line of it in TOML.
class Places {
  public:
    explicit Places(const toml::table& root) { add(root, {}); }

    // `key` as faults have it: "service.route.path".
    [[nodiscard]] std::string at(std::uint32_t line, std::string_view key) const {
        auto found = places_.find(line);
        Place place = found == places_.end() ? Place{} : found->second;
        std::string last(key.substr(key.rfind('.') + 1));
        // A key that is missing, or that nobody knows.
        bool inside = place.table && !last.empty() && !place.pointer.ends_with('/' + last);
        return inside ? below(place.pointer, last) : place.pointer;
    }

  private:
    struct Place {
        std::string pointer;
        bool table = true;
    };

    void add(const toml::node& node, const std::string& pointer) {
        places_.try_emplace(node.source().begin.line, Place{pointer, node.is_table()});
        if (const toml::table* table = node.as_table()) {
            for (const auto& [key, value] : *table) {
                std::string inner = below(pointer, key.str());
                add(value, inner);
                places_.try_emplace(key.source().begin.line, Place{inner, value.is_table()});
            }
        } else if (const toml::array* array = node.as_array()) {
            for (std::size_t i = 0; i < array->size(); ++i) add(*array->get(i), below(pointer, std::to_string(i)));
        }
    }

    std::map<std::uint32_t, Place> places_;
};

// The table at these keys; null where there is none.
json::object* table_at(json::object& definition, const std::vector<std::string_view>& keys) {
    json::object* at = &definition;
    for (std::string_view key : keys) {
        json::value* inner = at->if_contains(key);
        at = inner ? inner->if_object() : nullptr;
        if (!at) return nullptr;
    }
    return at;
}

// Stored definitions are shown to whoever may read: they name their secrets, and do not hold them.
void refuse_literals(StoredService stored, const std::string& source, Faults& faults) {
    for (const auto& keys : headers_keys) {
        const json::object* headers = table_at(stored.definition, keys);
        if (!headers) continue;
        std::string pointer;
        for (std::string_view key : keys) pointer = below(pointer, key);
        for (const auto& [name, value] : *headers) {
            if (!value.is_string() || holds_reference(std::string_view(value.get_string()))) continue;
            refuse(faults, source, below(pointer, name),
                   "must name where its value is, \"${VARIABLE}\" or \"file:PATH\": definitions are shown to whoever "
                   "may read them");
        }
    }
}

std::optional<Service> read_stored(const StoredService& stored, const std::filesystem::path& folder,
                                   const Environment& environment, bool forward_auth, Faults& all) {
    std::string source = stored_source(stored.name);
    Faults faults(source);
    toml::table converted = Converter(source, faults).table(stored.definition, {});
    refuse_literals(stored, source, faults);
    std::ostringstream text;
    text << '\n' << toml::toml_formatter{converted};  // keys begin on the second line, the table on the first
    std::optional<Service> service;
    try {
        toml::table table = toml::parse(text.str());
        Places places(table);
        Faults read(source, [&places](std::uint32_t line, std::string_view key) { return places.at(line, key); });
        service = read_service(table, {folder, environment, forward_auth}, read);
        faults.add(read);
    } catch (const toml::parse_error& error) {
        refuse(faults, source, {}, "cannot be written as TOML: " + std::string(error.description()));
    }
    if (service && service->name.text() != stored.name)
        refuse(faults, source, "/name", "must be \"" + stored.name + "\", not \"" + service->name.text() + '"');
    all.add(faults);
    if (!faults.none()) return std::nullopt;
    service->line = 0;
    service->origin = std::make_shared<const Origin>(Origin{stored.definition, stored});
    return service;
}

}  // namespace

json::object to_json(const toml::table& table) {
    json::object out;
    for (const auto& [key, value] : table) out[key.str()] = to_json(value);
    return out;
}

json::object masked(json::object definition) {
    for (const auto& keys : headers_keys) {
        json::object* headers = table_at(definition, keys);
        if (!headers) continue;
        for (auto& [name, value] : *headers) {
            if (!value.is_string() || !holds_reference(std::string_view(value.get_string()))) value = nullptr;
        }
    }
    return definition;
}

std::string version_of(const json::object& definition) {
    std::string text = json::serialize(definition);
    crypto::Digest digest = crypto::sha256(as_bytes(text));
    return codec::to_hex(digest).substr(0, version_length);
}

std::string stored_source(std::string_view name) {
    return "stored service \"" + std::string(name) + '"';
}

std::optional<Config> with_stored(Config from_file, const std::filesystem::path& file,
                                  std::span<const StoredService> stored, const Environment& environment,
                                  Faults& faults) {
    if (stored.empty()) return from_file;
    const std::filesystem::path folder = file.parent_path();
    std::vector<Service> in_front;
    std::vector<Service> behind;
    for (const StoredService& one : stored) {
        if (auto service = read_stored(one, folder, environment, takes_questions(from_file), faults))
            (one.in_front ? in_front : behind).push_back(std::move(*service));
    }
    auto& services = from_file.services;
    services.insert(services.begin(), std::make_move_iterator(in_front.begin()),
                    std::make_move_iterator(in_front.end()));
    services.insert(services.end(), std::make_move_iterator(behind.begin()), std::make_move_iterator(behind.end()));
    check_services(services, faults);
    if (!faults.none()) return std::nullopt;
    return from_file;
}

}  // namespace millrace::config
