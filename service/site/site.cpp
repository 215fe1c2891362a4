#include "service/site/site.hpp"

namespace millrace::site {

Site::Site(config::Config loaded, metrics::Metrics& metrics) : config(std::move(loaded)), routes(config.services) {
    for (const config::Service& service : config.services) {
        deciding.emplace_back(service);
        resources.push_back(&metrics.resource(service.name.text()));
        if (service.realm) (void)metrics.resource(service.realm->text());  // revenue comes in its name
    }
}

}  // namespace millrace::site
