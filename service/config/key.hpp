// One row for one key of the configuration: its name, the field that it fills, how it is read, and what the manual
// says of it. The field's initialiser is the default.
//
//   struct Timeouts {
//       std::chrono::milliseconds idle = std::chrono::seconds(75);
//       ...
//       template <class Visitor>
//       static void keys(Visitor&& visit) {
//           visit(key("idle", &Timeouts::idle, Duration{}, "Between two requests of a connection."));
//           ...
//       }
//   };
//
// Everything that goes by keys visits the rows: the reader (config/read_keys.hpp), with the list of known keys and the
// faults; the admin API's JSON (admin/describe_service.cpp); the test that holds the manual against them
// (tests/unit/service/config/manual_test.cpp). Rows stand in the order in which messages list the keys.
//
// Keys that depend on each other are looked at when all have been read, by `static void check(Reading&, T&)` of the
// struct, where it has one. A key whose value is like no other's has a reader of its own, named in its row: by(...).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

namespace millrace::config {

// What fits into a stateless invoice's amount field: 40 bits of millisatoshi, 10.99 bitcoin.
constexpr std::uint64_t max_price_msat = (1ULL << 40U) - 1;

// Where a section is read from: see config/read_keys.hpp.
struct Reading;

// What a reader of its own is called for.
struct Asked {
    std::string_view name;
    std::string_view wanted;  // what is missing where the key is; empty: it may be left out
};

// How a key is read.

struct Text {};  // not empty

struct Flag {};  // true or false

struct File {};  // relative to the configuration's folder

// A whole number, or an amount.
struct Whole {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

constexpr Whole msat(std::uint64_t min = 1) {
    return {min, max_price_msat};
}

// Bytes, as "64KiB". `otherwise` is what is wrong with more than `max`.
struct Size {
    std::uint64_t min = 0;
    std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
    std::string_view otherwise = {};
};

// A time, as "90s", greater than zero. `otherwise` is what is wrong with one that lies outside.
struct Duration {
    std::chrono::milliseconds min{1};
    std::chrono::milliseconds max = std::chrono::milliseconds::max();
    std::string_view otherwise = {};
    bool whole_seconds = false;
};

// A count in a time, as "20/10s".
struct RateText {};

// One of some words. A former one still means what it did, and is named nowhere.
template <class Value>
struct Word {
    std::string_view text;
    Value value;
    bool former = false;
};

template <class Value, std::size_t Count>
struct Choice {
    std::array<Word<Value>, Count> words;
};

template <class Value, class... More>
constexpr Choice<Value, 1 + sizeof...(More)> choice(Word<Value> first, More... more) {
    return {{first, more...}};
}

constexpr Choice<bool, 2> either(std::string_view no, std::string_view yes) {
    return {{Word<bool>{no, false}, Word<bool>{yes, true}}};
}

// A table with rows of its own: those of `Rows`, or of the field's type. `example` shows what one looks like.
template <class Rows = void>
struct Table {
    std::string_view example;
};
Table(std::string_view)->Table<>;

// A section of the file, [name], with rows of its own likewise. Where the field is optional, it is there with the
// section alone.
template <class Rows = void>
struct Heading {};

// A reader of its own: it fills the field, or whatever it likes of the object that the row belongs to. False: the key
// is missing or bad, which the reader has noted.
template <class Filled>
struct By {
    bool (*read)(Reading&, Asked key, Filled&);
};

template <class Filled>
constexpr By<Filled> by(bool (*read)(Reading&, Asked, Filled&)) {
    return {read};
}

// Sections of the file, [[name]], each of which has the rows of the field's elements, and a reader that makes them.
template <class Filled>
struct Sections {
    bool (*read)(Reading&, Asked key, Filled&);
};

template <class Filled>
constexpr Sections<Filled> sections(bool (*read)(Reading&, Asked, Filled&)) {
    return {read};
}

template <class Field, class As>
struct Key {
    std::string_view name;
    Field field;  // see field_of()
    As as;
    std::string_view says;         // of the manual, word for word
    std::string_view wanted = {};  // as Asked::wanted
    std::string_view absent = {};  // the manual's word for the default, where the field's initialiser has none
    std::string_view shown = {};   // its name in the admin API's JSON, where that is another one; "-": not there
    std::string_view behind = {};  // the key behind which it stands in that JSON, where that is not the row in front
    bool blank = false;            // an empty text is shown as it is, not as null

    [[nodiscard]] constexpr Key required(std::string_view what) const {
        Key out = *this;
        out.wanted = what;
        return out;
    }
    [[nodiscard]] constexpr Key otherwise(std::string_view word) const {
        Key out = *this;
        out.absent = word;
        return out;
    }
    [[nodiscard]] constexpr Key shown_as(std::string_view member) const {
        Key out = *this;
        out.shown = member;
        return out;
    }
    [[nodiscard]] constexpr Key shown_behind(std::string_view other) const {
        Key out = *this;
        out.behind = other;
        return out;
    }
    [[nodiscard]] constexpr Key not_shown() const { return shown_as("-"); }
    [[nodiscard]] constexpr Key shown_blank() const {
        Key out = *this;
        out.blank = true;
        return out;
    }
};

template <class Field, class As>
constexpr Key<Field, As> key(std::string_view name, Field field, As as, std::string_view says) {
    return {name, field, as, says};
}

// A field whose type has rows, which stand in the section of the object itself. `says` and `absent` take the place of
// what those say, where they are not empty.
template <class Field>
struct Part {
    Field field;
    std::string_view says = {};
    std::string_view absent = {};
};

template <class Field>
constexpr Part<Field> part(Field field, std::string_view says = {}, std::string_view absent = {}) {
    return {field, says, absent};
}

// The field of a field.
template <class Outer, class Inner>
struct Inside {
    Outer outer;
    Inner inner;
};

template <class Outer, class Inner>
constexpr Inside<Outer, Inner> inside(Outer outer, Inner inner) {
    return {outer, inner};
}

// The object itself: for a section that has no type of its own.
struct Itself {};

template <class Object, class Value, class Owner>
constexpr auto& field_of(Object& object, Value Owner::*field) {
    return object.*field;
}

template <class Object, class Outer, class Inner>
constexpr auto& field_of(Object& object, const Inside<Outer, Inner>& field) {
    return object.*field.outer.*field.inner;
}

template <class Object>
constexpr Object& field_of(Object& object, Itself) {
    return object;
}

// What an object says, to be shown: it has a reader that fills the object.
template <class Object, class Value, class Owner>
constexpr Value field_of(const Object& object, Value (Owner::*says)() const) {
    return (object.*says)();
}

}  // namespace millrace::config
