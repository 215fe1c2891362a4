#include "plugin/invoicing/accepted.hpp"

#include <algorithm>
#include <charconv>

namespace millrace::invoicing {
namespace {

constexpr std::size_t name_digits = 8;

std::string chunk_name(std::uint64_t number) {
    const std::string digits = std::to_string(number);
    return std::string(name_digits - std::min(name_digits, digits.size()), '0') + digits;
}

void append(Bytes& out, const Accepted::Entry& entry) {
    const ByteView hash = entry.hash.view();
    out.insert(out.end(), hash.begin(), hash.end());
    const auto seconds = static_cast<std::uint32_t>(entry.expires_at.time_since_epoch().count());
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(seconds >> shift));
}

Accepted::Entry read_entry(ByteView data) {
    std::uint32_t seconds = 0;
    for (const std::uint8_t byte : data.subspan(PaymentHash::length, 4)) seconds = seconds << 8U | byte;
    return {*PaymentHash::from_bytes(data.first(PaymentHash::length)),
            std::chrono::sys_seconds(std::chrono::seconds(seconds))};
}

}  // namespace

bool Accepted::load(std::string_view name, ByteView data) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size()) return false;
    add(number, data);
    return true;
}

void Accepted::add(std::uint64_t number, ByteView data) {
    Chunk& chunk = chunks_[number];
    newest_ = std::max(newest_, number);
    for (; data.size() >= entry_size; data = data.subspan(entry_size)) {
        const Entry entry = read_entry(data);
        chunk.hashes.push_back(entry.hash);
        chunk.last_expiry = std::max(chunk.last_expiry, entry.expires_at);
        known_[entry.hash] = std::max(known_[entry.hash], number);
    }
}

Accepted::Write Accepted::next_write(const std::vector<Entry>& entries) const {
    std::uint64_t number = newest_;
    const auto current = chunks_.find(number);
    std::size_t held = current == chunks_.end() ? 0 : current->second.hashes.size();
    if (held >= chunk_entries) {
        ++number;
        held = 0;
    }
    Write write{chunk_name(number), {}, std::min(entries.size(), chunk_entries - held)};
    for (std::size_t i = 0; i < write.count; ++i) append(write.data, entries[i]);
    return write;
}

void Accepted::written(const Write& write) {
    load(write.chunk, write.data);
}

std::vector<std::string> Accepted::drop_spent(std::chrono::sys_seconds now) {
    std::vector<std::string> spent;
    for (auto chunk = chunks_.begin(); chunk != chunks_.end();) {
        if (chunk->second.last_expiry + grace > now) {
            ++chunk;
            continue;
        }
        for (const PaymentHash& hash : chunk->second.hashes) {
            const auto entry = known_.find(hash);
            if (entry != known_.end() && entry->second == chunk->first) known_.erase(entry);
        }
        spent.push_back(chunk_name(chunk->first));
        // A new entry must not land in a chunk that is being deleted.
        newest_ = std::max(newest_, chunk->first + 1);
        chunk = chunks_.erase(chunk);
    }
    return spent;
}

}  // namespace millrace::invoicing
