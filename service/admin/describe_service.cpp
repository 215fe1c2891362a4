// A service as JSON, by the rows of its keys (config/key.hpp): a member for each, under its name in the file. What is
// not there is null; times are seconds; of a field that may hold a secret the name alone is shown.
#include <map>
#include <type_traits>

#include "service/admin/describe.hpp"
#include "service/config/definition.hpp"

namespace millrace::admin {
namespace {

namespace json = boost::json;

template <class Value>
concept Number = std::is_arithmetic_v<Value>;

// A value by its type.
template <Number Value>
json::value shown(Value value) {
    return value;
}
json::value shown(const std::string& text) {
    return json::value(text);
}
json::value shown(const std::filesystem::path& file) {
    return shown(file.string());
}
json::value shown(Msat amount) {
    return amount.value();
}
json::value shown(std::chrono::seconds time) {
    return time.count();
}
json::value shown(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}
json::value shown(std::chrono::milliseconds time) {
    return shown(std::chrono::nanoseconds(time));
}
json::value shown(const limits::Rate& rate) {
    return json::object{{"count", rate.count}, {"seconds", shown(rate.time)}};
}
json::value shown(const ServiceName& name) {
    return shown(name.text());
}
json::value shown(const config::HostPattern& host) {
    return shown(host.written());
}
json::value shown(const config::PathPattern& path) {
    return shown(path.text());
}
json::value shown(const config::UpstreamAddress& address) {
    return shown(address.url());
}
json::value shown(const config::UpstreamHeader& header) {
    return shown(header.name);
}
json::value shown(const config::Schemes& schemes) {
    json::array out;
    if (schemes.l402) out.emplace_back("l402");
    if (schemes.payment) out.emplace_back("payment");
    return out;
}
template <class Value>
json::value shown(const std::optional<Value>& value) {
    return value ? shown(*value) : json::value(nullptr);
}
template <class Value>
json::value shown(const std::vector<Value>& values) {
    json::array out;
    for (const Value& value : values) out.push_back(shown(value));
    return out;
}
json::value shown(const config::Methods& methods) {
    return shown(methods.names);
}

// The members of an object, in the order of its rows but for those that stand behind another one.
template <class Object>
class Describer {
  public:
    Describer(const Object& object, json::object& out) : object_(object), out_(out) {}

    template <class Field, class As>
    void operator()(const config::Key<Field, As>& row) {
        if (row.shown == "-") return;
        const std::string_view name = row.shown.empty() ? row.name : row.shown;
        json::value value = by_kind(row.as, config::field_of(object_, row.field));
        if (!row.blank && value.is_string() && value.get_string().empty()) value = nullptr;
        if (row.behind.empty())
            out_[name] = std::move(value);
        else
            later_.push_back({name, row.behind, std::move(value)});
    }

    template <class Field>
    void operator()(const config::Part<Field>& part) {
        const auto& inner = config::field_of(object_, part.field);
        using Inside = std::remove_cvref_t<decltype(inner)>;
        Inside::keys(Describer<Inside>(inner, out_));
    }

    // When all rows were visited.
    void place_others() {
        for (Later& one : later_) {
            json::object ordered;
            for (auto& [name, value] : out_) {
                ordered[name] = std::move(value);
                if (name == one.behind) ordered[one.name] = std::move(one.value);
            }
            out_ = std::move(ordered);
        }
    }

  private:
    struct Later {
        std::string_view name;
        std::string_view behind;
        json::value value;
    };

    template <class As, class Value>
    static json::value by_kind(const As&, const Value& value) {
        return shown(value);
    }
    template <class Value, std::size_t Count>
    static json::value by_kind(const config::Choice<Value, Count>& as, const Value& value) {
        for (const config::Word<Value>& word : as.words) {
            if (word.value == value) return json::value(word.text);
        }
        return nullptr;
    }
    template <class Rows, class Value>
    static json::value by_kind(const config::Table<Rows>&, const Value& value) {
        return by_rows<std::conditional_t<std::is_void_v<Rows>, Value, Rows>>(value);
    }
    template <class Value>
    static json::value by_kind(const config::Table<>&, const std::optional<Value>& value) {
        return value ? by_rows<Value>(*value) : json::value(nullptr);
    }
    template <class Filled, class Value>
    static json::value by_kind(const config::Sections<Filled>&, const std::vector<Value>& values) {
        json::array out;
        for (const Value& value : values) out.push_back(by_rows<Value>(value));
        return out;
    }

    template <class Rows, class Value>
    static json::value by_rows(const Value& value) {
        json::object out;
        Describer<Value> describer(value, out);
        Rows::keys(describer);
        describer.place_others();
        return out;
    }

    const Object& object_;
    json::object& out_;
    std::vector<Later> later_;
};

}  // namespace

json::object describe(const config::Service& service) {
    json::object out;
    Describer<config::Service> describer(service, out);
    config::Service::keys(describer);
    describer.place_others();
    if (!service.schemes.l402) out["lsat"] = false;  // a form of L402's challenge
    return out;
}

json::object describe_whole(const config::Service& service, const std::string& file) {
    json::object out = describe(service);
    if (!service.origin) return out;
    out["definition"] = service.origin->definition;
    out["version"] = config::version_of(service.origin->definition);
    if (const auto& stored = service.origin->stored)
        out["origin"] = json::object{{"kind", "stored"},
                                     {"place", stored->in_front ? "in front of the file" : "behind the file"},
                                     {"created_at", stored->created_at.time_since_epoch().count()},
                                     {"updated_at", stored->updated_at.time_since_epoch().count()}};
    else
        out["origin"] = json::object{{"kind", "file"}, {"file", file}, {"line", service.line}};
    return out;
}

json::object compare(const std::vector<config::Service>& before, const std::vector<config::Service>& after) {
    std::map<std::string, const config::Service*> old;
    for (const config::Service& service : before) old.emplace(service.name.text(), &service);
    json::array added;
    json::array removed;
    json::array changed;
    for (const config::Service& service : after) {
        auto known = old.find(service.name.text());
        if (known == old.end()) {
            added.emplace_back(service.name.text());
            continue;
        }
        bool same = describe(*known->second) == describe(service) &&
                    known->second->upstream.headers == service.upstream.headers &&
                    known->second->pricer == service.pricer;
        if (!same) changed.emplace_back(service.name.text());
        old.erase(known);
    }
    for (const auto& [name, service] : old) removed.emplace_back(name);
    return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

}  // namespace millrace::admin
