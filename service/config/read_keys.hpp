// Reads a section by the rows of its type (config/key.hpp).
//
//   Reading in{section, source};
//   read_keys<Timeouts>(in, timeouts);  // notes what is wrong, keys that no row names included
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/money/msat.hpp"
#include "service/config/environment.hpp"
#include "service/config/key.hpp"
#include "service/config/section.hpp"

namespace millrace::config {

// What sections are read from.
struct Source {
    const std::filesystem::path& folder;  // files are relative to it
    const Environment& environment;
    bool forward_auth = false;  // some listener takes the questions of front proxies
};

struct Reading {
    Section& section;
    const Source& source;
};

template <class Rows, class Object>
bool read_keys(Reading& in, Object& out);

// The readers by kind. False: the key is missing or bad, which is noted; `out` is then as it was.

template <class Value>
struct Inner {
    using Type = Value;
};
template <class Value>
struct Inner<std::optional<Value>> {
    using Type = Value;
};

template <class Read, class Store>
bool take(const Read& value, Store store) {
    if (value) store(*value);
    return value.has_value();
}

template <class Row, class Value>
bool read_as(Reading& in, const Row& row, Text, Value& out) {
    return take(in.section.text(row.name, row.wanted), [&](const std::string& text) { out = text; });
}

template <class Row>
bool read_as(Reading& in, const Row& row, Flag, bool& out) {
    return take(in.section.flag(row.name), [&](bool flag) { out = flag; });
}

template <class Row>
bool read_as(Reading& in, const Row& row, File, std::filesystem::path& out) {
    return take(in.section.text(row.name, row.wanted), [&](const std::string& text) { out = in.source.folder / text; });
}

template <class Row, class Value>
bool read_as(Reading& in, const Row& row, const Whole& as, Value& out) {
    return take(in.section.integer(row.name, as.min, as.max, row.wanted),
                [&](std::uint64_t number) { out = static_cast<typename Inner<Value>::Type>(number); });
}

template <class Row, class Value>
bool read_as(Reading& in, const Row& row, const Size& as, Value& out) {
    std::optional<std::uint64_t> bytes;
    in.section.size(row.name, bytes, as.min);
    if (bytes && *bytes > as.max) in.section.fault(row.name, as.otherwise);
    return take(bytes, [&](std::uint64_t size) { out = static_cast<typename Inner<Value>::Type>(size); });
}

template <class Row, class Value>
bool read_as(Reading& in, const Row& row, const Duration& as, Value& out) {
    using Time = typename Inner<Value>::Type;
    std::chrono::milliseconds read{0};
    in.section.duration(row.name, read);
    if (read.count() == 0) return false;
    const Time time = std::chrono::duration_cast<Time>(read);
    if (time < as.min || time > as.max || (as.whole_seconds && time != read)) in.section.fault(row.name, as.otherwise);
    out = time;
    return true;
}

template <class Row>
bool read_as(Reading& in, const Row& row, RateText, std::optional<limits::Rate>& out) {
    in.section.rate(row.name, out);
    return out.has_value();
}

template <class Row>
bool read_as(Reading& in, const Row& row, RateText, limits::Rate& out) {
    std::optional<limits::Rate> rate;
    in.section.rate(row.name, rate);
    return take(rate, [&](const limits::Rate& read) { out = read; });
}

template <class Row, class Value, std::size_t Count>
bool read_as(Reading& in, const Row& row, const Choice<Value, Count>& as, Value& out) {
    const std::optional<std::string> text = in.section.text(row.name);
    if (!text) return false;
    std::vector<std::string_view> words;
    for (const Word<Value>& word : as.words) {
        if (word.text == *text) {
            out = word.value;
            return true;
        }
        if (!word.former) words.push_back(word.text);
    }
    in.section.fault(row.name, "must be " + one_of(words) + ", not \"" + *text + '"');
    return false;
}

// By the rows of `Rows`, or of the field's type.
template <class Rows, class Value>
bool read_inner(Reading& in, Value& out) {
    using Type = typename Inner<Value>::Type;
    using Chosen = std::conditional_t<std::is_void_v<Rows>, Type, Rows>;
    if constexpr (std::is_same_v<Value, std::optional<Type>>) {
        const bool complete = read_keys<Chosen>(in, out.emplace());
        if (!complete) out.reset();
        return complete;
    } else {
        return read_keys<Chosen>(in, out);
    }
}

template <class Row, class Rows, class Value>
bool read_as(Reading& in, const Row& row, const Table<Rows>& as, Value& out) {
    const toml::table* table = in.section.table(row.name, as.example);
    if (!table) return false;
    Section section = in.section.below(row.name, *table);
    Reading below{section, in.source};
    return read_inner<Rows>(below, out);
}

template <class Row, class Rows, class Value>
bool read_as(Reading& in, const Row& row, Heading<Rows>, Value& out) {
    Section section = in.section.heading(row.name);
    Reading below{section, in.source};
    if (std::is_same_v<Value, std::optional<typename Inner<Value>::Type>> && !section.there()) return false;
    return read_inner<Rows>(below, out);
}

// Reads the rows of one object, and of its parts, into it.
template <class Object>
class KeyReader {
  public:
    KeyReader(Reading& in, Object& out) : in_(in), out_(out) {}

    template <class Field, class As>
    void operator()(const Key<Field, As>& row) {
        const bool good = read(row, row.as);
        if (!good && !row.wanted.empty()) complete_ = false;
    }

    template <class Field>
    void operator()(const Part<Field>& part) {
        auto& inner = field_of(out_, part.field);
        using Inside = std::remove_reference_t<decltype(inner)>;
        KeyReader<Inside> reader(in_, inner);
        Inside::keys(reader);
        complete_ = reader.complete() && complete_;
    }

    // Whether each key that must be there is, and is good.
    [[nodiscard]] bool complete() const { return complete_; }

  private:
    template <class Row, class As>
    bool read(const Row& row, const As& as) {
        return read_as(in_, row, as, field_of(out_, row.field));
    }

    template <class Row, class Filled>
    bool read(const Row& row, const By<Filled>& as) {
        return read_by(row, as);
    }

    template <class Row, class Filled>
    bool read(const Row& row, const Sections<Filled>& as) {
        return read_by(row, as);
    }

    template <class Row, template <class> class As, class Filled>
    bool read_by(const Row& row, const As<Filled>& as) {
        if constexpr (std::is_same_v<Filled, Object>)
            return as.read(in_, {row.name, row.wanted}, out_);
        else
            return as.read(in_, {row.name, row.wanted}, field_of(out_, row.field));
    }

    Reading& in_;
    Object& out_;
    bool complete_ = true;
};

// All rows; then, where `Rows` has it, what keys must be beside each other. False as KeyReader::complete().
template <class Rows, class Object>
bool read_keys(Reading& in, Object& out) {
    KeyReader<Object> reader(in, out);
    Rows::keys(reader);
    if constexpr (requires { Rows::check(in, out); }) Rows::check(in, out);
    in.section.no_others();
    return reader.complete();
}

}  // namespace millrace::config
