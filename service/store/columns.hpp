// How facts stand in columns: times as unix seconds, hashes and keys as blobs.
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>

#include "common/ids/ids.hpp"

namespace millrace::store {

[[nodiscard]] inline std::int64_t unix_seconds(std::chrono::sys_seconds time) {
    return time.time_since_epoch().count();
}

[[nodiscard]] inline std::chrono::sys_seconds time_at(const SQLite::Column& column) {
    return std::chrono::sys_seconds(std::chrono::seconds(column.getInt64()));
}

// As long as the row is.
[[nodiscard]] inline ByteView bytes_at(const SQLite::Column& column) {
    return {static_cast<const std::uint8_t*>(column.getBlob()), static_cast<std::size_t>(column.getBytes())};
}

// Of a column that the schema holds to 32 bytes.
[[nodiscard]] inline PaymentHash hash_at(const SQLite::Column& column) {
    return PaymentHash::from_bytes(bytes_at(column)).value();
}

[[nodiscard]] inline TokenId token_id_at(const SQLite::Column& column) {
    return TokenId::from_bytes(bytes_at(column)).value();
}

inline void bind_bytes(SQLite::Statement& query, int index, ByteView bytes) {
    query.bind(index, bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace millrace::store
