#include "plugin/invoicing/paid_index.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "common/json/fields.hpp"

namespace millrace::invoicing {
namespace {

namespace bj = boost::json;

constexpr std::size_t entry_size = 8;
constexpr std::size_t name_digits = 8;
constexpr std::uint64_t version = 1;

std::string chunk_name(std::size_t number) {
    const std::string digits = std::to_string(number);
    return std::string(name_digits - std::min(name_digits, digits.size()), '0') + digits;
}

std::optional<std::uint64_t> parse_cursor(std::string_view text) {
    boost::system::error_code broken;
    const bj::value value = bj::parse(bj::string_view(text.data(), text.size()), broken);
    if (broken) return std::nullopt;
    json::Fields in(value, "sales-read");
    const std::uint64_t found = in.u64("version");
    const std::uint64_t updated_index = in.u64("updated_index");
    if (in.fault() || found != version || updated_index == 0) return std::nullopt;
    return updated_index;
}

}  // namespace

bool PaidIndex::load(const std::vector<Bytes>& chunks, std::string_view cursor) {
    *this = PaidIndex();
    const auto updated_index = parse_cursor(cursor);
    if (!updated_index) return false;
    for (const Bytes& chunk : chunks) {
        if (chunk.size() % entry_size != 0) {
            *this = PaidIndex();
            return false;
        }
        for (ByteView left = chunk; !left.empty(); left = left.subspan(entry_size)) {
            std::uint64_t pay_index = 0;
            for (const std::uint8_t byte : left.first(entry_size)) pay_index = pay_index << 8U | byte;
            if (sales_.empty() || pay_index > sales_.back()) sales_.push_back(pay_index);
        }
    }
    written_ = sales_.size();
    next_update_ = stored_update_ = *updated_index;
    return true;
}

bool PaidIndex::read(std::uint64_t updated_index, std::optional<std::uint64_t> pay_index) {
    next_update_ = std::max(next_update_, updated_index + 1);
    if (!pay_index || (!sales_.empty() && *pay_index <= sales_.back())) return false;
    sales_.push_back(*pay_index);
    return true;
}

std::span<const std::uint64_t> PaidIndex::from(std::uint64_t start, std::size_t limit) const {
    const auto first = std::lower_bound(sales_.begin(), sales_.end(), start);
    const auto count = std::min<std::size_t>(limit, static_cast<std::size_t>(sales_.end() - first));
    return {sales_.data() + (first - sales_.begin()), count};
}

std::optional<PaidIndex::Write> PaidIndex::next_write() const {
    if (written_ == sales_.size()) return std::nullopt;
    const std::size_t chunk = written_ / chunk_entries;
    const std::size_t end = std::min(sales_.size(), (chunk + 1) * chunk_entries);
    Write write{chunk_name(chunk), {}, end - written_};
    for (std::size_t i = written_; i < end; ++i) {
        for (int shift = 56; shift >= 0; shift -= 8)
            write.data.push_back(static_cast<std::uint8_t>(sales_[i] >> shift));
    }
    return write;
}

std::optional<std::string> PaidIndex::cursor_write() const {
    const bool first = stored_update_ == 0 && next_update_ > 1;
    if (!first && next_update_ < stored_update_ + cursor_step) return std::nullopt;
    return bj::serialize(bj::object{{"version", version}, {"updated_index", next_update_}});
}

}  // namespace millrace::invoicing
