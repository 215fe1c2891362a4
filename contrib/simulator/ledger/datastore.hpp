// lightningd's datastore: a tree of byte strings under paths of words. A key that has children holds nothing itself.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/codec/bytes.hpp"

namespace millrace::sim {

using DatastoreKey = std::vector<std::string>;

struct DatastoreEntry {
    Bytes data;
    std::uint64_t generation = 0;
};

enum class DatastoreMode { must_create, must_replace, create_or_replace, must_append, create_or_append };

enum class DatastoreError {  // lightningd's codes
    does_not_exist_on_delete = 1200,
    wrong_generation_on_delete = 1201,
    already_exists = 1202,
    does_not_exist = 1203,
    wrong_generation = 1204,
    has_children = 1205,
    no_children = 1206,
};
[[nodiscard]] const char* message(DatastoreError error);

class Datastore {
  public:
    // Empty where it was written; `out` is then the entry.
    std::optional<DatastoreError> write(const DatastoreKey& key, Bytes data, DatastoreMode mode,
                                        std::optional<std::uint64_t> generation, DatastoreEntry& out);
    std::optional<DatastoreError> remove(const DatastoreKey& key, std::optional<std::uint64_t> generation,
                                         DatastoreEntry& out);

    struct Listed {
        DatastoreKey key;
        const DatastoreEntry* entry;  // null: this key only has children
    };
    // The key itself where it holds something, otherwise its direct children.
    [[nodiscard]] std::vector<Listed> list(const DatastoreKey& key) const;

    [[nodiscard]] std::uint64_t writes() const { return writes_; }

  private:
    std::map<DatastoreKey, DatastoreEntry> entries_;
    std::uint64_t writes_ = 0;
};

}  // namespace millrace::sim
