// Settings of the operator, the log of acts, and what users and channels take
// (dim/store/operator.h). Parts of StoreWriter and of SqliteStore.
#pragma once
#include <string>
#include <vector>

#include "dim/store/store.h"
#include "sqlite/database.h"

namespace dim {

class OperatorWriter {
 public:
  explicit OperatorWriter(AuditLimits limits) : limits_(limits) {}

  Status start(Database& db);
  void stop();

  Result<Written> put(const PutSetting& write);
  Result<Written> put(const PutAudit& write);
  /// Removes up to `budget` acts from before the limits' time.
  Status forget_acts(Millis now, std::size_t budget);
  /// Owners of inboxes: the user, and one for each device that had a place of its own.
  Result<std::vector<std::string>> inboxes_of(const std::string& user);
  /// Objects that the user has uploaded, open and complete ones.
  Result<std::vector<Guid>> media_of(const std::string& user);
  /// Identity, documents, names, resume secrets and marks.
  Status drop_rows_of(const std::string& user);

 private:
  AuditLimits limits_;
  Statement put_setting_, drop_setting_, add_act_, drop_beyond_, drop_old_;
  Statement inboxes_, media_;
  Statement drop_identity_, drop_documents_, drop_names_, drop_resumes_, drop_marks_;
  Statement drop_levels_, drop_mentions_;
};

/// Under the read mutex of SqliteStore.
class OperatorTableReads {
 public:
  Status start(Database& db);
  void stop();

  Result<std::vector<StoredSetting>> settings();
  Result<std::vector<StoredAudit>> audit(const std::optional<std::string>& hub, std::int64_t before,
                                         std::size_t limit);
  Result<std::vector<std::string>> identities(const std::string& after, std::size_t limit);
  Result<UserUse> user_use(const std::string& user);
  Result<ChannelUse> channel_use(const Guid& channel);

 private:
  Statement settings_, acts_, acts_of_hub_, identities_, waiting_, documents_, files_, names_,
      channel_;
};

}  // namespace dim
