// Makes an identity with the installed library and prints its ID.
#include <cstdio>

#include "dim/crypto/os_random.h"
#include "dim/engine/account.h"

int main() {
  dim::OsRandom random;
  const auto me = dim::Account::make_user("alice", 1'700'000'000'000, random);
  if (!me || !me->meta.matches(me->id)) return 1;
  std::puts(me->id.text().c_str());
}
