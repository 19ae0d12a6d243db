#include "server/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "dim/base/utf8.h"

namespace dim {
namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

Log::Log(LogLevel level)
    : logger_(std::make_shared<spdlog::logger>("dimd",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
  logger_->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
  logger_->flush_on(spdlog::level::warn);
  set_level(level);
}

Log::~Log() { logger_->flush(); }

void Log::set_level(LogLevel level) { logger_->set_level(level_of(level)); }

std::string Log::line(std::string_view event, std::initializer_list<Field> fields) {
  std::string out = "event=" + std::string(event);
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    out += ' ';
    out += name;
    out += "=\"";
    for (const char c : escape(value)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

void Log::write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) const {
  if (!logger_->should_log(level_of(level))) return;
  logger_->log(level_of(level), spdlog::string_view_t(line(event, fields)));
}

}  // namespace dim
