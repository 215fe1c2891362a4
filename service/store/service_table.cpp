#include "service/store/service_table.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "service/store/columns.hpp"
#include "service/store/store.hpp"

namespace millrace::store {
std::vector<config::StoredService> read_services(SQLite::Database& database) {
    SQLite::Statement query(
        database, "SELECT name, definition, in_front, created_at, updated_at FROM services ORDER BY position");
    std::vector<config::StoredService> out;
    while (query.executeStep()) {
        config::StoredService service;
        service.name = query.getColumn(0).getString();
        boost::system::error_code bad;
        boost::json::value definition = boost::json::parse(query.getColumn(1).getString(), bad);
        if (bad || !definition.is_object())
            throw ResultError(fail(Errc::read_failed, "services: the definition of \"" + service.name +
                                                          "\" is not a JSON object: restore the backup, or delete the "
                                                          "row"));
        service.definition = std::move(definition.get_object());
        service.in_front = query.getColumn(2).getInt() != 0;
        service.created_at = time_at(query.getColumn(3));
        service.updated_at = time_at(query.getColumn(4));
        out.push_back(std::move(service));
    }
    return out;
}

void write_services(SQLite::Database& database, const std::vector<config::StoredService>& services) {
    database.exec("DELETE FROM services");
    SQLite::Statement insert(database,
                             "INSERT INTO services (name, definition, in_front, position, created_at, updated_at) "
                             "VALUES (?, ?, ?, ?, ?, ?)");
    std::int64_t position = 0;
    for (const config::StoredService& service : services) {
        insert.reset();
        insert.bind(1, service.name);
        insert.bind(2, boost::json::serialize(service.definition));
        insert.bind(3, service.in_front ? 1 : 0);
        insert.bind(4, ++position);
        insert.bind(5, unix_seconds(service.created_at));
        insert.bind(6, unix_seconds(service.updated_at));
        insert.exec();
    }
}

}  // namespace millrace::store
