#include "contrib/simulator/ledger/datastore.hpp"

#include <algorithm>
#include <utility>

namespace millrace::sim {
namespace {

bool is_prefix(const DatastoreKey& prefix, const DatastoreKey& key) {
    return key.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), key.begin());
}

}  // namespace

const char* message(DatastoreError error) {
    switch (error) {
        case DatastoreError::does_not_exist_on_delete:
        case DatastoreError::does_not_exist:
            return "Key does not exist";
        case DatastoreError::wrong_generation_on_delete:
        case DatastoreError::wrong_generation:
            return "generation is different";
        case DatastoreError::already_exists:
            return "Key already exists";
        case DatastoreError::has_children:
            return "Key has children already";
        case DatastoreError::no_children:
            return "Parent key exists";
    }
    return "";
}

std::optional<DatastoreError> Datastore::write(const DatastoreKey& key, Bytes data, DatastoreMode mode,
                                               std::optional<std::uint64_t> generation, DatastoreEntry& out) {
    const auto below = entries_.upper_bound(key);
    if (below != entries_.end() && is_prefix(key, below->first)) return DatastoreError::has_children;
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (mode == DatastoreMode::must_replace || mode == DatastoreMode::must_append)
            return DatastoreError::does_not_exist;
        for (DatastoreKey parent(key.begin(), key.end() - 1); !parent.empty(); parent.pop_back()) {
            if (entries_.contains(parent)) return DatastoreError::no_children;
        }
        out = entries_[key] = {std::move(data), 0};
        ++writes_;
        return std::nullopt;
    }
    if (mode == DatastoreMode::must_create) return DatastoreError::already_exists;
    if (generation && *generation != found->second.generation) return DatastoreError::wrong_generation;
    if (mode == DatastoreMode::must_append || mode == DatastoreMode::create_or_append) {
        found->second.data.insert(found->second.data.end(), data.begin(), data.end());
    } else {
        found->second.data = std::move(data);
    }
    found->second.generation += 1;
    out = found->second;
    ++writes_;
    return std::nullopt;
}

std::optional<DatastoreError> Datastore::remove(const DatastoreKey& key, std::optional<std::uint64_t> generation,
                                                DatastoreEntry& out) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return DatastoreError::does_not_exist_on_delete;
    if (generation && *generation != found->second.generation) return DatastoreError::wrong_generation_on_delete;
    out = found->second;
    entries_.erase(found);
    ++writes_;
    return std::nullopt;
}

std::vector<Datastore::Listed> Datastore::list(const DatastoreKey& key) const {
    if (const auto found = entries_.find(key); found != entries_.end()) return {{found->first, &found->second}};
    std::vector<Listed> out;
    for (auto entry = entries_.lower_bound(key); entry != entries_.end() && is_prefix(key, entry->first); ++entry) {
        const std::size_t depth = key.size() + 1;
        if (entry->first.size() == depth) {
            out.push_back({entry->first, &entry->second});
            continue;
        }
        DatastoreKey child(entry->first.begin(), entry->first.begin() + static_cast<std::ptrdiff_t>(depth));
        if (out.empty() || out.back().key != child) out.push_back({std::move(child), nullptr});
    }
    return out;
}

}  // namespace millrace::sim
