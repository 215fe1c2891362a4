// Proof of work, the part that answers: a 429 comes with a task, if [challenges] has pow (service/admit/work.hpp).
#include "common/l402/work.hpp"
#include "service/admit/work.hpp"
#include "service/front/session.hpp"

namespace millrace::front {

void Session::add_task(http::Problem& problem) {
    // A quote's answer has no room for it.
    const config::WorkBuys buys = request_->own ? config::WorkBuys::nothing : admit::bought_by_work(*request_);
    if (buys == config::WorkBuys::nothing) return;
    const paywall::WorkDesk::Task task =
        worker_.shared().work.set(*request_->site->config.challenges.pow, service().name.text(), buys,
                                  std::chrono::floor<std::chrono::seconds>(worker_.now()));
    problem.challenges.push_back(l402::work_line(task.token_base64, task.bits));
    problem.reason = "work";
    problem.detail += buys == config::WorkBuys::request
                          ? " Or solve the task in WWW-Authenticate, which opens this once."
                          : " Or solve the task in WWW-Authenticate, which gets an invoice now.";
}

// What it was solved for came to nothing.
void Session::give_work_back() {
    if (request_->work)
        worker_.shared().work.give_back(*request_->site->config.challenges.pow,
                                        *std::exchange(request_->work, std::nullopt));
}

}  // namespace millrace::front
