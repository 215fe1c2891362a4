// Which of the node's payments were for challenges: their pay_indexes, in order, and how far the node's invoices were read for
// it. No I/O. So that listing what was sold does not walk over what others were paid.
//
//   datastore key ["millrace", "sales", chunk]       chunk: decimal, eight digits, ascending
//   value := (pay_index[u64])*                       big endian, ascending over all chunks; repeats are ignored
//   datastore key ["millrace", "sales-read"]         text {"version":1, "updated_index":U}
//
// Rows of lightningd's invoices with an updated_index below U are in the chunks. U is written now and then: what lies above it
// is read again after a start. Without the key, or of another version, everything is read anew from the first row.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/bytes.hpp"

namespace millrace::invoicing {

class PaidIndex {
  public:
    static constexpr std::size_t chunk_entries = 1024;
    static constexpr std::uint64_t cursor_step = 256;  // rows that may be read again after a start

    // Stored chunks, in the order of their names, and the stored cursor. False where it cannot be used: then this is empty.
    bool load(const std::vector<Bytes>& chunks, std::string_view cursor);

    // A row with this updated_index was read. `pay_index`: of a challenge that was paid; true where that is new.
    bool read(std::uint64_t updated_index, std::optional<std::uint64_t> pay_index);

    [[nodiscard]] std::uint64_t next_update() const { return next_update_; }
    // Those with pay_index >= start, at most `limit`.
    [[nodiscard]] std::span<const std::uint64_t> from(std::uint64_t start, std::size_t limit) const;
    [[nodiscard]] std::size_t size() const { return sales_.size(); }

    // What is to be appended to which chunk, if anything.
    struct Write {
        std::string chunk;
        Bytes data;
        std::size_t count = 0;
    };
    [[nodiscard]] std::optional<Write> next_write() const;
    void written(const Write& write) { written_ += write.count; }

    // The text to store, where it is due. Only once there is nothing to append.
    [[nodiscard]] std::optional<std::string> cursor_write() const;
    void cursor_written() { stored_update_ = next_update_; }

  private:
    std::vector<std::uint64_t> sales_;
    std::size_t written_ = 0;
    std::uint64_t next_update_ = 1;
    std::uint64_t stored_update_ = 0;
};

}  // namespace millrace::invoicing
