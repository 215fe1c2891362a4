#include "service/runtime/stored_services.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <future>

#include "service/store/reader.hpp"
#include "service/store/sqlite_store.hpp"
#include "service/upstream/group.hpp"

namespace millrace::runtime {

Result<config::Config> with_stored(config::Config from_file, const std::filesystem::path& file,
                                   std::span<const config::StoredService> stored,
                                   const config::Environment& environment) {
    if (stored.empty()) return from_file;
    config::Faults faults(file.string());
    std::optional<config::Config> config = config::with_stored(std::move(from_file), file, stored, environment, faults);
    std::string what = faults.text();
    if (config) {
        auto groups = upstream::make_groups(config->services, {});
        if (groups) return std::move(*config);
        what = groups.error().message;
    }
    return Error{to_error_code(config::Errc::bad_value),
                 what +
                     "\nServices that were stored through the admin API do not go with the file. Change the file, "
                     "or take one out: millraced --config " +
                     file.string() + " --remove-service NAME"};
}

Result<std::size_t> check_stored(const config::Config& from_file, const std::filesystem::path& file,
                                 const config::Environment& environment) {
    std::error_code ignored;
    if (!std::filesystem::exists(from_file.store, ignored)) return std::size_t{0};
    auto reader = store::Reader::open(from_file.store);
    if (!reader) return reader.error();
    auto stored = (*reader)->services();
    if (!stored) return stored.error();
    auto config = with_stored(from_file, file, *stored, environment);
    if (!config) return config.error();
    return stored->size();
}

Result<std::string> remove_stored(const config::Config& from_file, const std::string& name) {
    auto store = store::open_sqlite(from_file.store);
    if (!store) return store.error();
    std::vector<config::StoredService> left = (*store)->services();
    auto found = std::find_if(left.begin(), left.end(), [&](const auto& one) { return one.name == name; });
    if (found == left.end())
        return fail(config::Errc::bad_value,
                    "there is no stored service \"" + name + "\" in " + from_file.store.string());
    std::string definition = boost::json::serialize(found->definition);
    left.erase(found);
    store::AuditEntry entry{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()), "command line",
                            "service removed", name, definition};
    std::promise<Result<void>> written;
    (*store)->replace_services(std::move(left), std::move(entry),
                               [&](const Result<void>& done) { written.set_value(done); });
    Result<void> done = written.get_future().get();
    if (!done) return done.error();
    return definition;
}

}  // namespace millrace::runtime
