#include "plugin/invoicing/key_epochs.hpp"

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "common/json/fields.hpp"
#include "plugin/invoicing/payment_secret.hpp"

namespace millrace {

const char* ErrcText<invoicing::EpochErrc>::text(invoicing::EpochErrc errc) {
    using invoicing::EpochErrc;
    switch (errc) {
        case EpochErrc::unreadable:
            return "the table of key epochs in lightningd's datastore cannot be read";
        case EpochErrc::unknown_epoch:
            return "no such key epoch";
        case EpochErrc::retired_epoch:
            return "this key epoch is retired already";
        case EpochErrc::current_epoch:
            return "the current key epoch cannot be retired: run millrace-rotate-key first";
        case EpochErrc::exhausted:
            return "no more key epochs: their number has 12 bits";
    }
    return "unknown error of key epochs";
}

}  // namespace millrace

namespace millrace::invoicing {
namespace {

constexpr std::uint64_t table_version = 1;

std::optional<std::chrono::sys_seconds> optional_time(json::Fields& in, std::string_view name) {
    if (const auto seconds = in.optional_seconds(name)) return std::chrono::sys_seconds(*seconds);
    return std::nullopt;
}

}  // namespace

KeyEpochs::KeyEpochs() : epochs_{Epoch{1, std::nullopt, std::nullopt}} {}

Result<KeyEpochs> KeyEpochs::parse(std::string_view text) {
    boost::system::error_code error;
    const boost::json::value table = boost::json::parse(boost::json::string_view(text.data(), text.size()), error);
    if (error) return fail(EpochErrc::unreadable, error.message());

    json::Fields in(table, "key epochs");
    const std::uint64_t version = in.u64("version");
    if (!in.fault() && version != table_version) {
        return fail(EpochErrc::unreadable,
                    "it is of version " + std::to_string(version) + ", written by a newer millrace");
    }
    KeyEpochs out;
    out.epochs_.clear();
    for (const boost::json::value& entry : in.array("epochs")) {
        json::Fields fields(entry, "key epoch");
        Epoch epoch;
        epoch.epoch = static_cast<l402::KeyEpoch>(fields.u64("epoch", Terms::max_epoch));
        epoch.created_at = optional_time(fields, "created_at");
        epoch.retired_at = optional_time(fields, "retired_at");
        if (fields.fault()) return fail(EpochErrc::unreadable, fields.fault()->message);
        if (epoch.epoch != out.epochs_.size() + 1)
            return fail(EpochErrc::unreadable, "its epochs are not 1, 2, 3, ...");
        out.epochs_.push_back(epoch);
    }
    if (in.fault()) return fail(EpochErrc::unreadable, in.fault()->message);
    if (out.epochs_.empty() || out.epochs_.back().retired_at)
        return fail(EpochErrc::unreadable, "no epoch in it signs");
    return out;
}

std::string KeyEpochs::text() const {
    boost::json::array epochs;
    for (const Epoch& epoch : epochs_) {
        boost::json::object entry{{"epoch", epoch.epoch}};
        if (epoch.created_at) entry["created_at"] = epoch.created_at->time_since_epoch().count();
        if (epoch.retired_at) entry["retired_at"] = epoch.retired_at->time_since_epoch().count();
        epochs.push_back(std::move(entry));
    }
    return boost::json::serialize(boost::json::object{{"version", table_version}, {"epochs", std::move(epochs)}});
}

bool KeyEpochs::usable(l402::KeyEpoch epoch) const {
    return epoch >= 1 && epoch <= epochs_.size() && !epochs_[epoch - 1U].retired_at;
}

Result<KeyEpochs> KeyEpochs::rotated(std::chrono::sys_seconds now) const {
    if (current() >= Terms::max_epoch) return fail(EpochErrc::exhausted);
    KeyEpochs out = *this;
    out.epochs_.push_back(Epoch{static_cast<l402::KeyEpoch>(current() + 1), now, std::nullopt});
    return out;
}

Result<KeyEpochs> KeyEpochs::retired(l402::KeyEpoch epoch, std::chrono::sys_seconds now) const {
    if (epoch == 0 || epoch > epochs_.size()) return fail(EpochErrc::unknown_epoch, std::to_string(epoch));
    if (epoch == current()) return fail(EpochErrc::current_epoch);
    if (!usable(epoch)) return fail(EpochErrc::retired_epoch, std::to_string(epoch));
    KeyEpochs out = *this;
    out.epochs_[epoch - 1U].retired_at = now;
    return out;
}

}  // namespace millrace::invoicing
