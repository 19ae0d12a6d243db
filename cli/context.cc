#include "cli/context.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "terminal/passphrase.h"

namespace dim {

Result<std::optional<Secret>> passphrase_for(const CommonOptions& common, bool ask) {
  if (common.passphrase_file) {
    const int file = ::open(common.passphrase_file->c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return fail(Errc::usage, "the passphrase file cannot be read");
    auto secret = read_passphrase(file);
    ::close(file);
    if (!secret) return std::unexpected(secret.error());
    return std::move(*secret);
  }
  if (!ask) return std::nullopt;
  auto secret = ask_passphrase("Passphrase: ");
  if (!secret && secret.error().code == Errc::unavailable)
    return fail(Errc::key,
                "this home is locked and there is no terminal to ask at; use --passphrase-file");
  if (!secret) return std::unexpected(secret.error());
  return std::move(*secret);
}

bool Context::open_home() {
  auto lock = Home::lock_of(common.home);
  if (!lock) {
    out.error(lock.error());
    return false;
  }
  auto passphrase = passphrase_for(common, *lock == HomeLock::passphrase);
  if (!passphrase) {
    out.error(passphrase.error());
    return false;
  }
  auto opened = Home::open(common.home, *passphrase, random);
  if (!opened) {
    out.error(opened.error());
    return false;
  }
  home.emplace(std::move(*opened));
  return true;
}

void Context::make_messenger(Messenger::Options options) {
  auto failed = std::move(events.failed);
  events.failed = [this, failed](const Error& error, int code, std::string_view message) {
    failure = error;
    station_message = message;
    if (failed) failed(error, code, message);
  };
  messenger = std::make_unique<Messenger>(*home, link, clock, random, events, options);
  link.attach(*messenger);
}

bool Context::connect(Millis timeout_ms) {
  failure.reset();
  if (auto status = messenger->start(); !status) {
    failure = status.error();
    return false;
  }
  const bool answered =
      link.run_until([this] { return failure.has_value() || messenger->is_ready(); }, timeout_ms);
  if (!answered && !failure)
    failure = Error{Errc::unreachable, "the station did not answer in time"};
  return messenger->is_ready();
}

std::string Context::name_of(const Id& id) {
  if (auto contact = home->contact(id); contact && *contact) {
    if (!(*contact)->alias.empty()) return (*contact)->alias;
    if (!(*contact)->registered.empty()) return (*contact)->registered;
  }
  if (const Known* known = home->directory().find(id); known != nullptr) {
    // A name in a visa is chosen by its owner: it never stands without a piece of the ID.
    for (auto document = known->documents.rbegin(); document != known->documents.rend();
         ++document) {
      if (!document->name().empty()) {
        return fmt::format("{} ({}…)", document->name(), id.address().text().substr(0, 8));
      }
    }
  }
  return id.bare().text();
}

std::optional<Id> Context::find(const std::string& who, Millis timeout_ms) {
  std::optional<Result<Id>> result;
  messenger->resolve(who, [&](Result<Id> found) { result.emplace(std::move(found)); });
  link.run_until([&] { return result.has_value() || failure.has_value(); }, timeout_ms);
  if (!result) {
    report_failure();
    return std::nullopt;
  }
  if (!*result) {
    out.error((*result).error());
    failure = (*result).error();
    return std::nullopt;
  }
  return **result;
}

int Context::report_failure() {
  const Error error =
      failure.value_or(Error{Errc::unreachable, "the station did not answer in time"});
  out.error(error, station_message);
  return static_cast<int>(exit_of(error));
}

}  // namespace dim
