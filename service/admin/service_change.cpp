#include "service/admin/service_change.hpp"

#include <algorithm>

namespace millrace::admin {
namespace {

constexpr std::size_t max_stored = 1000;

using Stored = std::vector<config::StoredService>;

auto find(const Stored& stored, std::string_view name) {
    return std::find_if(stored.begin(), stored.end(), [&](const auto& one) { return one.name == name; });
}

const config::Service* find(const std::vector<config::Service>& services, std::string_view name) {
    auto found =
        std::find_if(services.begin(), services.end(), [&](const auto& one) { return one.name.text() == name; });
    return found == services.end() ? nullptr : &*found;
}

// Empty where the definition has no name that is text: its reader says so.
std::string name_in(const boost::json::object& definition) {
    const boost::json::value* name = definition.if_contains("name");
    return name && name->is_string() ? std::string(name->get_string()) : std::string();
}

std::string at(const std::filesystem::path& file, const config::Service& service) {
    return file.string() + ':' + std::to_string(service.line);
}

// Where in `stored` something is put, and on which side of the file's services.
struct Slot {
    std::size_t index = 0;
    bool in_front = false;
};

std::variant<Slot, Refusal> find_slot(const Place& place, const std::vector<config::Service>& from_file,
                                      const std::filesystem::path& file, const Stored& stored) {
    if (place.kind == Place::Kind::first) return Slot{0, true};
    if (place.kind == Place::Kind::last || place.kind == Place::Kind::unchanged) return Slot{stored.size(), false};
    bool behind = place.kind == Place::Kind::after;
    if (auto neighbour = find(stored, place.neighbour); neighbour != stored.end()) {
        auto index = static_cast<std::size_t>(neighbour - stored.begin());
        return Slot{behind ? index + 1 : index, neighbour->in_front};
    }
    const config::Service* neighbour = find(from_file, place.neighbour);
    if (!neighbour) return Refusal{404, "There is no service \"" + place.neighbour + "\" to put this one beside."};
    const config::Service& edge = behind ? from_file.back() : from_file.front();
    if (neighbour != &edge)
        return Refusal{409, "\"" + place.neighbour + "\" stands at " + at(file, *neighbour) +
                                ", among the file's services: this one can stand in front of them all or behind them "
                                "all, or change their order in the file and reload"};
    auto in_front = static_cast<std::size_t>(
        std::count_if(stored.begin(), stored.end(), [](const auto& one) { return one.in_front; }));
    return Slot{in_front, !behind};
}

std::optional<Refusal> check_version(const ServiceChange& change, const config::StoredService& current) {
    std::string version = config::version_of(current.definition);
    if (!change.version || *change.version == version) return std::nullopt;
    return Refusal{
        409, "The service has changed meanwhile: its version is " + version + ". Read it again, and change that."};
}

std::variant<Plan, Refusal> put(Stored stored, config::StoredService service, const Place& place,
                                const std::vector<config::Service>& from_file, const std::filesystem::path& file) {
    auto slot = find_slot(place, from_file, file, stored);
    if (auto* refused = std::get_if<Refusal>(&slot)) return std::move(*refused);
    auto where = std::get<Slot>(slot);
    std::string name = service.name;
    service.in_front = where.in_front;
    stored.insert(stored.begin() + static_cast<std::ptrdiff_t>(where.index), std::move(service));
    return Plan{std::move(name), std::move(stored)};
}

std::variant<Plan, Refusal> add(const ServiceChange& change, const std::vector<config::Service>& from_file,
                                const std::filesystem::path& file, const Stored& stored, std::chrono::sys_seconds now) {
    std::string name = name_in(change.definition);
    if (find(stored, name) != stored.end())
        return Refusal{409, "There is a service \"" + name + "\" already: change it, or choose another name."};
    if (const config::Service* taken = find(from_file, name))
        return Refusal{409, "\"" + name + "\" is the service at " + at(file, *taken) + ": choose another name."};
    if (stored.size() >= max_stored)
        return Refusal{409, "There are " + std::to_string(max_stored) + " stored services, which is what is kept."};
    return put(stored, {name, change.definition, false, now, now}, change.place, from_file, file);
}

}  // namespace

std::variant<Plan, Refusal> plan(const ServiceChange& change, const std::vector<config::Service>& from_file,
                                 const std::filesystem::path& file, const Stored& stored,
                                 std::chrono::sys_seconds now) {
    if (change.kind == ServiceChange::Kind::add) return add(change, from_file, file, stored, now);
    auto current = find(stored, change.name);
    if (current == stored.end()) {
        if (const config::Service* of_file = find(from_file, change.name))
            return Refusal{409, "\"" + change.name + "\" is written in " + at(file, *of_file) +
                                    ": change it there, and reload. Nothing was changed."};
        return Refusal{404, "There is no service of this name."};
    }
    if (auto refused = check_version(change, *current)) return std::move(*refused);
    Stored out = stored;
    auto index = current - stored.begin();
    if (change.kind == ServiceChange::Kind::remove) {
        out.erase(out.begin() + index);
        return Plan{change.name, std::move(out)};
    }
    config::StoredService service = *current;
    service.definition = change.definition;
    if (!service.definition.contains("name")) service.definition["name"] = change.name;
    service.updated_at = now;
    if (change.place.kind == Place::Kind::unchanged) {
        out[static_cast<std::size_t>(index)] = std::move(service);
        return Plan{change.name, std::move(out)};
    }
    if (change.place.neighbour == change.name) return Refusal{400, "A service cannot stand beside itself."};
    out.erase(out.begin() + index);
    return put(std::move(out), std::move(service), change.place, from_file, file);
}

}  // namespace millrace::admin
