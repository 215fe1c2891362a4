#include "service/config/section.hpp"

#include <algorithm>

#include "service/config/units.hpp"

namespace millrace::config {
namespace {

std::string written(const toml::node& node) {
    if (auto text = node.value_exact<std::string>()) return '"' + *text + '"';
    if (auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    if (auto number = node.value_exact<double>()) {
        std::string out = std::to_string(*number);
        return out;
    }
    if (auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
    if (node.is_array()) return "an array";
    if (node.is_table()) return "a table";
    return "a date";
}

}  // namespace

std::string detail(const Error& error) {
    std::size_t colon = error.message.find(": ");
    return colon == std::string::npos ? error.message : error.message.substr(colon + 2);
}

std::string one_of(const std::vector<std::string_view>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 < words.size() ? ", " : " or ";
        out.append("\"").append(words[i]) += '"';
    }
    return out;
}

std::string Fault::text() const {
    std::string out = source;
    if (line > 0) out += ':' + std::to_string(line);
    if (!pointer.empty()) out += ' ' + pointer;
    return out + ": " + (key.empty() ? "" : key + ": ") + what;
}

void Faults::note(std::uint32_t line, std::string_view key, std::string_view what) {
    Fault fault{source_, line, {}, std::string(key), std::string(what)};
    if (locate_) {
        fault.line = 0;
        fault.pointer = locate_(line, key);
    }
    faults_.push_back(std::move(fault));
}

void Faults::add(const Faults& other) {
    faults_.insert(faults_.end(), other.faults_.begin(), other.faults_.end());
}

std::string Faults::text() const {
    std::string out;
    for (const Fault& fault : faults_) {
        if (!out.empty()) out += '\n';
        out += fault.text();
    }
    return out;
}

Section::Section(const toml::table* table, std::string name, std::uint32_t line, Faults& faults)
    : table_(table), name_(std::move(name)), line_(line), faults_(faults) {}

void Section::know(std::string_view key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
}

const toml::node* Section::find(std::string_view key, std::string_view required) {
    know(key);
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    if (!node && !required.empty()) fault(key, "missing: " + std::string(required));
    return node;
}

std::optional<std::string> Section::text(std::string_view key, std::string_view required) {
    const toml::node* node = find(key, required);
    if (!node) return std::nullopt;
    auto value = node->value_exact<std::string>();
    if (!value) {
        fault(key, "must be text in quotes, not " + written(*node));
        return std::nullopt;
    }
    if (value->empty()) {
        fault(key, "must not be empty");
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> Section::integer(std::string_view key, std::uint64_t min, std::uint64_t max,
                                              std::string_view required) {
    const toml::node* node = find(key, required);
    if (!node) return std::nullopt;
    auto value = node->value_exact<std::int64_t>();
    if (!value || *value < 0 || static_cast<std::uint64_t>(*value) < min || static_cast<std::uint64_t>(*value) > max) {
        fault(key, "must be a whole number from " + std::to_string(min) + " to " + std::to_string(max) + ", not " +
                       written(*node));
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(*value);
}

std::vector<std::string> Section::texts(std::string_view key) {
    const toml::node* node = find(key, {});
    if (!node) return {};
    const toml::array* array = node->as_array();
    std::vector<std::string> out;
    if (array) {
        for (const toml::node& element : *array) {
            auto value = element.value_exact<std::string>();
            if (!value) {
                array = nullptr;
                break;
            }
            out.push_back(*value);
        }
    }
    if (!array) {
        fault(key, "must be an array of texts, such as [\"/health\"], not " + written(*node));
        return {};
    }
    return out;
}

std::vector<std::string> Section::text_or_texts(std::string_view key, std::string_view required) {
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    if (!node || !node->is_array()) {
        auto one = text(key, required);
        return one ? std::vector<std::string>{*one} : std::vector<std::string>{};
    }
    std::vector<std::string> out = texts(key);
    if (node->as_array()->empty() || std::find(out.begin(), out.end(), "") != out.end()) {
        fault(key, "must not be empty");
        return {};
    }
    return out;
}

std::optional<bool> Section::flag(std::string_view key) {
    const toml::node* node = find(key, {});
    if (!node) return std::nullopt;
    auto value = node->value_exact<bool>();
    if (!value) fault(key, "must be true or false, not " + written(*node));
    return value;
}

const toml::table* Section::table(std::string_view key, std::string_view example) {
    const toml::node* node = find(key, {});
    if (node && !node->is_table())
        fault(key, "must be a table such as " + std::string(example) + ", not " + written(*node));
    return node ? node->as_table() : nullptr;
}

const toml::node* Section::node(std::string_view key) {
    return find(key, {});
}

Section Section::heading(std::string_view key) {
    const toml::node* node = find(key, {});
    if (node && !node->is_table()) fault(key, "must be a table: [" + std::string(key) + ']');
    const toml::table* table = node ? node->as_table() : nullptr;
    return {table, std::string(key), table ? line_of(key) : 1, faults_};
}

Section Section::below(std::string_view key, const toml::table& table) const {
    return {&table, name_ + '.' + std::string(key), static_cast<std::uint32_t>(table.source().begin.line), faults_};
}

Section Section::inside(std::string_view key) const {
    return below(key, *table_->get(key)->as_table());
}

std::vector<const toml::table*> Section::tables(std::string_view key) {
    const toml::node* node = find(key, {});
    if (!node) return {};
    std::vector<const toml::table*> out;
    if (const toml::array* array = node->as_array()) {
        for (const toml::node& element : *array) out.push_back(element.as_table());
    }
    if (!node->is_array() || std::find(out.begin(), out.end(), nullptr) != out.end()) {
        fault(key, "must be tables: [[" + name_ + '.' + std::string(key) + "]]");
        return {};
    }
    return out;
}

void Section::rate(std::string_view key, std::optional<limits::Rate>& out) {
    auto written_text = text(key);
    if (!written_text) return;
    Result<limits::Rate> value = parse_rate(*written_text);
    if (!value) return fault(key, detail(value.error()));
    out = *value;
}

void Section::duration(std::string_view key, std::chrono::milliseconds& out) {
    const toml::node* node = find(key, {});
    if (!node) return;
    auto written_text = node->value_exact<std::string>();
    if (!written_text) {
        fault(key, "must be a duration in quotes, such as \"90s\" or \"1h\", not " + written(*node));
        return;
    }
    Result<std::chrono::milliseconds> value = parse_duration(*written_text);
    if (!value) return fault(key, detail(value.error()));
    if (value->count() == 0) return fault(key, "must be greater than zero");
    out = *value;
}

std::optional<std::uint64_t> Section::parse_size_at(std::string_view key, std::uint64_t min) {
    const toml::node* node = find(key, {});
    if (!node) return std::nullopt;
    std::optional<std::uint64_t> bytes;
    if (auto number = node->value_exact<std::int64_t>(); number && *number >= 0) {
        bytes = static_cast<std::uint64_t>(*number);
    } else if (auto written_text = node->value_exact<std::string>()) {
        Result<std::uint64_t> value = parse_size(*written_text);
        if (!value) {
            fault(key, detail(value.error()));
            return std::nullopt;
        }
        bytes = *value;
    } else {
        fault(key, "must be a size such as \"64KiB\", not " + written(*node));
        return std::nullopt;
    }
    if (*bytes < min) {
        fault(key, "must be at least " + std::to_string(min) + " bytes");
        return std::nullopt;
    }
    return bytes;
}

bool Section::has(std::string_view key) const {
    return table_ && table_->get(key);
}

std::uint32_t Section::line_of(std::string_view key) const {
    const toml::node* node = table_ ? table_->get(key) : nullptr;
    return node ? static_cast<std::uint32_t>(node->source().begin.line) : line_;
}

void Section::fault(std::string_view key, std::string_view what) {
    faults_.note(line_of(key), name_.empty() ? std::string(key) : name_ + '.' + std::string(key), what);
}

void Section::fault_here(std::string_view key, std::string_view what) {
    faults_.note(line_, name_ + '.' + std::string(key), what);
}

void Section::no_others() {
    if (!table_) return;
    for (const auto& [key, value] : *table_) {
        if (std::find(known_.begin(), known_.end(), key.str()) != known_.end()) continue;
        std::string allowed;
        for (const std::string& name : known_) allowed += (allowed.empty() ? "" : ", ") + name;
        std::string path = name_.empty() ? std::string(key.str()) : name_ + '.' + std::string(key.str());
        faults_.note(static_cast<std::uint32_t>(key.source().begin.line), path, "unknown key; known here: " + allowed);
    }
}

}  // namespace millrace::config
