// The challenges whose invoice was made and accepted once, until they expire. No I/O: the log around it writes.
//
// lightningd alone knows what was paid, and only as long as its row is there: `delinvoice` and autoclean delete rows. A
// challenge that is still open then looks like one that nobody has tried to pay. What is recorded here is not accepted
// without its row.
//
//   datastore key ["millrace", "accepted", chunk]         chunk: decimal, eight digits, ascending
//   value := (payment_hash[32] expires_at[u32])*          big endian unix seconds; an entry may stand there twice
//
// A chunk holds at most chunk_entries, so that no value grows large, and is dropped as a whole when the last of them has expired.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/codec/bytes.hpp"
#include "common/ids/ids.hpp"

namespace millrace::invoicing {

class Accepted {
  public:
    static constexpr std::size_t chunk_entries = 256;
    static constexpr std::size_t entry_size = PaymentHash::length + 4;
    // For which an entry outlives its challenge: the clock may be set back.
    static constexpr std::chrono::seconds grace{3600};

    struct Entry {
        PaymentHash hash;
        std::chrono::sys_seconds expires_at;
    };

    // A chunk as it was stored; false where it is none. What follows its last whole entry is ignored.
    bool load(std::string_view name, ByteView data);

    // Written down.
    [[nodiscard]] bool knows(const PaymentHash& hash) const { return known_.contains(hash); }
    [[nodiscard]] std::size_t size() const { return known_.size(); }

    // As many of `entries` as fit into one write, and where it goes.
    struct Write {
        std::string chunk;
        Bytes data;
        std::size_t count = 0;
    };
    [[nodiscard]] Write next_write(const std::vector<Entry>& entries) const;
    // The write is done: its entries are known from now on.
    void written(const Write& write);

    // Chunks that nobody needs any more; they are forgotten here.
    std::vector<std::string> drop_spent(std::chrono::sys_seconds now);

  private:
    struct Chunk {
        std::vector<PaymentHash> hashes;
        std::chrono::sys_seconds last_expiry{};
    };
    void add(std::uint64_t chunk, ByteView data);

    std::map<std::uint64_t, Chunk> chunks_;
    std::unordered_map<PaymentHash, std::uint64_t> known_;  // the newest chunk that has it
    std::uint64_t newest_ = 0;
};

}  // namespace millrace::invoicing
