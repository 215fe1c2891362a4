// Reading one TOML table into typed values. Every fault is noted with file, line, key and what would be right; keys
// that nobody asked for are faults too.
#pragma once

#include <toml++/toml.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/error.hpp"
#include "service/limits/rate.hpp"

namespace millrace::config {

// The fault of a Result without the domain's sentence in front of it.
[[nodiscard]] std::string detail(const Error& error);

// "\"a\", \"b\" or \"c\"".
[[nodiscard]] std::string one_of(const std::vector<std::string_view>& words);

// What is wrong, where, and what would be right.
struct Fault {
    std::string source;      // "millraced.toml", or "stored service \"extra\""
    std::uint32_t line = 0;  // of a file; 0 where it is none
    std::string pointer;     // into a definition in JSON (RFC 6901), where it is one: "/route/0/path"
    std::string key;         // "service.route.path"
    std::string what;
    [[nodiscard]] std::string text() const;
};

// The faults of one source, in the order in which they were met.
class Faults {
  public:
    // Where a line of the source, and a key on it, are in a definition in JSON.
    using Locate = std::function<std::string(std::uint32_t line, std::string_view key)>;

    explicit Faults(std::string_view file) : source_(file) {}
    Faults(std::string_view source, Locate locate) : source_(source), locate_(std::move(locate)) {}

    void note(std::uint32_t line, std::string_view key, std::string_view what);
    void add(Fault fault) { faults_.push_back(std::move(fault)); }
    void add(const Faults& other);  // of another source
    [[nodiscard]] bool none() const { return faults_.empty(); }
    [[nodiscard]] const std::vector<Fault>& list() const { return faults_; }
    [[nodiscard]] std::string text() const;  // one a line

  private:
    std::string source_;
    Locate locate_;
    std::vector<Fault> faults_;
};

class Section {
  public:
    // `name` is the table's own ("listen"). A null table stands for one that is not in the file; `line` is then blamed.
    Section(const toml::table* table, std::string name, std::uint32_t line, Faults& faults);

    // Text that is not empty. `required` says what is wanted; empty: the key may be absent.
    std::optional<std::string> text(std::string_view key, std::string_view required = {});
    std::optional<std::uint64_t> integer(std::string_view key, std::uint64_t min, std::uint64_t max,
                                         std::string_view required = {});
    std::vector<std::string> texts(std::string_view key);
    // One text, or an array of at least one. Empty where there is none, or none that is text.
    std::vector<std::string> text_or_texts(std::string_view key, std::string_view required = {});
    std::optional<bool> flag(std::string_view key);
    // A table, `example` showing what one looks like; null where the key is absent or something else.
    const toml::table* table(std::string_view key, std::string_view example);
    // The section of a table in this one: "service.health".
    [[nodiscard]] Section below(std::string_view key, const toml::table& table) const;
    // That of the table under `key`, which must be there: for faults.
    [[nodiscard]] Section inside(std::string_view key) const;
    // The section [key] of the file that this one stands for; one that is not there() where there is none.
    Section heading(std::string_view key);
    std::vector<const toml::table*> tables(std::string_view key);         // [[name.key]]
    void rate(std::string_view key, std::optional<limits::Rate>& out);    // unchanged where absent
    void duration(std::string_view key, std::chrono::milliseconds& out);  // unchanged where absent; 0 is a fault
    template <class Size>
    void size(std::string_view key, Size& out, std::uint64_t min);  // unchanged where absent

    void fault(std::string_view key, std::string_view what);       // at the key's line
    void fault_here(std::string_view key, std::string_view what);  // at the table's own line
    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] std::uint32_t line() const { return line_; }
    [[nodiscard]] std::uint32_t line_of(std::string_view key) const;

    const toml::node* node(std::string_view key);  // whatever it is; null where the key is absent
    [[nodiscard]] bool there() const { return table_ != nullptr; }
    [[nodiscard]] Faults& faults() const { return faults_; }

    void know(std::string_view key);
    // To be called last: notes every key that was not asked for.
    void no_others();

  private:
    const toml::node* find(std::string_view key, std::string_view required);
    std::optional<std::uint64_t> parse_size_at(std::string_view key, std::uint64_t min);

    const toml::table* table_;
    std::string name_;
    std::uint32_t line_;
    Faults& faults_;
    std::vector<std::string> known_;
};

template <class Size>
void Section::size(std::string_view key, Size& out, std::uint64_t min) {
    if (auto bytes = parse_size_at(key, min)) out = static_cast<Size>(*bytes);
}

}  // namespace millrace::config
