// createrune, checkrune: lightningd/runes.c. A rune is a list of restrictions, each a list of alternatives
// `field condition value`, under a hash chain that begins with the node's secret; whoever holds it can only add to the
// list.
//
//   rune := base64url(authcode[32] || restrictions)     restrictions := alternatives ("&" alternatives)*
//   alternatives := alternative ("|" alternative)*      the first restriction is "=<unique id>"
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <utility>

#include "common/codec/base64.hpp"
#include "common/crypto/hash.hpp"
#include "contrib/simulator/node/daemon.hpp"

namespace millrace::sim {

namespace json = boost::json;

namespace {

using SessionPtr = std::shared_ptr<RpcSession>;

constexpr int code_not_authorized = 1501;
constexpr int code_not_permitted = 1502;
constexpr std::string_view conditions = "!=/^$~<>{}#";

struct Alternative {
    std::string field;
    char condition = '=';
    std::string value;
};
using Restriction = std::vector<Alternative>;

// lightningd's short hand for runes that may look and not touch.
const char* const readonly_restrictions[] = {"method^list|method^get|method=summary", "method/listdatastore"};

std::optional<Alternative> read_alternative(std::string_view text) {
    const std::size_t at = text.find_first_of(conditions);
    if (at == std::string_view::npos) return std::nullopt;
    return Alternative{std::string(text.substr(0, at)), text[at], std::string(text.substr(at + 1))};
}

std::optional<Restriction> read_restriction(std::string_view text) {
    Restriction out;
    while (true) {
        const std::size_t end = text.find('|');
        const auto alternative = read_alternative(text.substr(0, end));
        if (!alternative) return std::nullopt;
        out.push_back(*alternative);
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> out;
    while (true) {
        const std::size_t end = text.find(separator);
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

crypto::Digest chain(NodeCore& core, const std::vector<std::string>& restrictions) {
    crypto::Digest code = crypto::hmac_sha256(core.setup.key.reveal(), as_bytes("rune"));
    for (const std::string& restriction : restrictions) code = crypto::hmac_sha256(code, as_bytes(restriction));
    return code;
}

std::string join(const std::vector<std::string>& parts, char separator) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? std::string() : std::string(1, separator)) + part;
    return out;
}

std::string encode(const crypto::Digest& code, const std::vector<std::string>& restrictions) {
    Bytes bytes(code.begin(), code.end());
    const std::string text = join(restrictions, '&');
    bytes.insert(bytes.end(), text.begin(), text.end());
    return codec::to_base64url(bytes);
}

// The restrictions of a rune of this node's, or empty where it is not one.
std::optional<std::vector<std::string>> open(NodeCore& core, const std::string& rune) {
    const Result<Bytes> bytes = codec::from_base64(rune);
    if (!bytes || bytes->size() < 32) return std::nullopt;
    std::vector<std::string> restrictions = split(as_text(ByteView(*bytes).subspan(32)), '&');
    if (!crypto::equal_constant_time(ByteView(*bytes).first(32), chain(core, restrictions))) return std::nullopt;
    return restrictions;
}

// Empty: it holds. `given` is empty where the field is not there.
std::optional<std::string> complaint(const Alternative& wanted, const std::optional<std::string>& given) {
    const auto number = [](const std::string& text) {
        std::int64_t out = 0;
        std::from_chars(text.data(), text.data() + text.size(), out);
        return out;
    };
    if (wanted.condition == '#') return std::nullopt;
    if (wanted.condition == '!') return given ? std::optional(wanted.field + " is present") : std::nullopt;
    if (!given) return wanted.field + " not present";
    const std::string& value = *given;
    bool holds = false;
    switch (wanted.condition) {
        case '=':
            holds = value == wanted.value;
            break;
        case '/':
            holds = value != wanted.value;
            break;
        case '^':
            holds = value.starts_with(wanted.value);
            break;
        case '$':
            holds = value.ends_with(wanted.value);
            break;
        case '~':
            holds = value.find(wanted.value) != std::string::npos;
            break;
        case '<':
            holds = number(value) < number(wanted.value);
            break;
        case '>':
            holds = number(value) > number(wanted.value);
            break;
        case '{':
            holds = value < wanted.value;
            break;
        case '}':
            holds = value > wanted.value;
            break;
        default:
            break;
    }
    if (holds) return std::nullopt;
    return wanted.field + " does not satisfy " + wanted.field + wanted.condition + wanted.value;
}

void run_createrune(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const auto base = in.optional_string("rune");
    std::vector<std::string> restrictions;
    if (base) {
        const auto opened = open(core, *base);
        if (!opened) in.bad("rune", "is not a rune of this node");
        restrictions = opened.value_or(restrictions);
    } else {
        restrictions.push_back("=" + std::to_string(core.state.runes));
    }
    if (const json::value* given = in.find("restrictions")) {
        if (given->is_string() && given->get_string() == "readonly") {
            for (const char* restriction : readonly_restrictions) restrictions.emplace_back(restriction);
        } else if (const json::array* list = given->if_array()) {
            for (const json::value& entry : *list) {
                std::vector<std::string> alternatives;
                if (entry.is_string()) alternatives.emplace_back(entry.get_string());
                if (const json::array* several = entry.if_array()) {
                    for (const json::value& one : *several) {
                        if (one.is_string()) alternatives.emplace_back(one.get_string());
                    }
                }
                restrictions.push_back(join(alternatives, '|'));
                if (!read_restriction(restrictions.back())) in.bad("restrictions", "not a valid restriction");
            }
        } else {
            in.bad("restrictions", "should be \"readonly\" or an array");
        }
    }
    if (in.ends(reply)) return;
    if (!base) ++core.state.runes;
    json::object out{{"rune", encode(chain(core, restrictions), restrictions)},
                     {"unique_id", restrictions.front().substr(1)}};
    if (restrictions.size() == 1)
        out["warning_unrestricted_rune"] = "WARNING: This rune has no restrictions! Anyone who has it can do anything!";
    reply.result(out);
}

void run_checkrune(Daemon& node, Params& in, const Reply& reply, const SessionPtr&) {
    NodeCore& core = node.core();
    const std::string rune = in.string("rune");
    const auto nodeid = in.optional_string("nodeid");
    const auto method = in.optional_string("method");
    const json::value* params = in.find("params");
    if (in.ends(reply)) return;
    const auto restrictions = open(core, rune);
    if (!restrictions) return reply.error(code_not_authorized, "Not authorized: Not derived from master");
    const auto field = [&](const std::string& name) -> std::optional<std::string> {
        const auto text = [](const json::value& value) {
            return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
        };
        if (name == "time") return std::to_string(unix_seconds(core.now_seconds()));
        if (name == "id") return nodeid;
        if (name == "method") return method;
        const json::object* named = params == nullptr ? nullptr : params->if_object();
        const json::array* ordered = params == nullptr ? nullptr : params->if_array();
        if (name == "pnum")
            return std::to_string(named != nullptr ? named->size() : ordered != nullptr ? ordered->size() : 0);
        if (name.starts_with("pname") && named != nullptr) {
            // lightningd leaves out punctuation in parameter names.
            for (const auto& [key, value] : *named) {
                std::string plain(key);
                plain.erase(std::remove_if(plain.begin(), plain.end(), [](char c) { return c == '_' || c == '-'; }),
                            plain.end());
                if (plain == name.substr(5) || key == name.substr(5)) return text(value);
            }
        }
        if (name.starts_with("parr") && ordered != nullptr) {
            std::size_t index = 0;
            std::from_chars(name.data() + 4, name.data() + name.size(), index);
            if (index < ordered->size()) return text((*ordered)[index]);
        }
        return std::nullopt;
    };
    for (std::size_t i = 1; i < restrictions->size(); ++i) {
        const auto restriction = read_restriction((*restrictions)[i]);
        std::string why = "malformed restriction";
        bool holds = false;
        for (const Alternative& alternative : restriction.value_or(Restriction{})) {
            // Rates need a memory of uses, which the simulator does not keep: they always hold.
            const bool rate = alternative.field == "rate" || alternative.field == "per";
            const auto wrong = rate ? std::nullopt : complaint(alternative, field(alternative.field));
            holds = holds || !wrong;
            if (wrong) why = *wrong;
        }
        if (!holds) return reply.error(code_not_permitted, "Not permitted: " + why);
    }
    reply.result(json::object{{"valid", true}});
}

constexpr Command commands[] = {
    {"createrune", "[rune] [restrictions]", run_createrune},
    {"checkrune", "rune [nodeid] [method] [params]", run_checkrune},
};

}  // namespace

std::span<const Command> rune_commands() {
    return commands;
}

}  // namespace millrace::sim
