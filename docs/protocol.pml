/* SPDX-License-Identifier: BSL-1.0 */
/*
 * The protocol between processes (docs/engine.md) as a model for spin: write lock, log tail,
 * publication, reader lanes, overlays, takeover from the dead and fencing of the living. Steps have
 * the names that they have in store/src. `./dev model` explores every interleaving of it. Steps
 * that are a part of a function there:
 *
 *   raise_words, store_first_line, apply_rest   try_publish, and apply_to_image within it
 *   own_epoch, owner_is_dead                    is_mine, and what try_take_over asks
 *   grant with by_fence, from_dead              try_fence, try_take_over
 *   open_body, run_body, close_body             begin_body, the user's function, end_transaction
 *   take_page, store_fresh                      FreeListAllocator::allocate, the user's stores
 *   commit_pages, write_heap_end                append, of what the transaction gained
 *   settle_quarantine                           set_body_aside, reserve_quarantine as well
 *   learn_shown                                 prepare_transaction, and sync_shown within catch_up
 *   refuse                                      a begin that fails: release_after_failure
 *   enter_kept, empty_buffer                    enter of a kept lane; the store buffer's part in it
 *   revoke_kept                                 what wait_for_lane calls where a lane is kept
 *   die, after_death                            the kernel
 *
 * Record n makes state n of the store. Line a changes with every odd record, line b with each, so
 * that four successive states differ. A line is stored in one step, a record in several. Whatever
 * others may look at is read or stored in a step of its own, unless nobody could tell.
 *
 * Invariants
 *  1. A section reads exactly one state, that which its lane holds: the newest that is visible when
 *     it looks. `visible` goes down only over records that make Atomics (LOWERED), so else that is
 *     at least what was visible when it began.
 *  2. Sequence numbers have no hole: record n is appended after record n - 1, by a writer whose
 *     working view shows state n - 1.
 *  3. The shared image changes only by records, in order, each applied once, by whoever holds the
 *     lock GUARDED. Where applying is 0 it shows state `published`.
 *  4. Whoever was fenced stores nothing to log, live words, image or file length.
 *  5. Nobody stores into a fresh page that another transaction owns, or behind the file's end.
 *  6. No record is read that is not written or that a checkpoint has freed; none is freed that is
 *     not published.
 *  7. What a commit returned for is visible from then on, and in the image in the end.
 *  8. A body reads the state that its working view began with, also after it was fenced.
 *  9. Nothing that is published is published again. Who finds the lock as it released it knows what
 *     is published; whoever could not learn it gives the lock back as one that changed hands.
 * 10. Somebody can always go on. In the end no living section holds a lane, and where nobody died
 *     nothing is held back.
 */

#ifndef WRITERS
#define WRITERS 2
#endif
#ifndef READERS
#define READERS 2
#endif
#ifndef COMMITS /* transactions of each writer */
#define COMMITS 1
#endif
#ifndef SECTIONS /* of each reader */
#define SECTIONS 1
#endif
#ifndef PLAIN /* always commit, checkpoint at each begin, nobody is stopped */
#define PLAIN 0
#endif
#ifndef HEAP /* with fresh pages, growth and quarantine */
#define HEAP 0
#endif
#ifndef ONE_PROCESS /* the writers are threads of one process, and so are the readers */
#define ONE_PROCESS 0
#endif
#ifndef KEPT /* lanes may be kept between sections, which then need no fence */
#define KEPT 0
#endif
#ifndef LOWERED /* records make Atomics: who cannot publish one lowers `visible` again */
#define LOWERED 0
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef FENCES
#define FENCES 1
#endif
#ifndef FAILURES /* begins that fail once they have the lock */
#define FAILURES 0
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#if MUTANT < 0 /* chosen when it runs: .ci/model sets the word's first value */
byte mutant = 0;
#define is(broken) (mutant == broken)
#else
#define is(broken) (MUTANT == broken)
#endif

/* Broken steps, for MUTANT: number, configuration in which it shows, what is wrong. */
#define ACQUIRE_BY_STORE 1         /* writers: the lock is taken by load and store, not by CAS */
#define RELEASE_BY_STORE 2         /* writers: release does not look at the epoch */
#define COMMIT_BY_STORE 3          /* writers: begin_commit does not look at the epoch */
#define FENCE_KEEPS_EPOCH 4        /* writers: fence does not raise the epoch */
#define FENCE_IN_GUARDED 5         /* writers: fence does not look at the phase */
#define TAKE_FROM_THE_LIVING 6     /* writers: try_take_over does not ask whether the owner lives */
#define NO_TAKEOVER 7              /* writers: nobody takes over from the dead */
#define BODY_STAYS_GUARDED 8       /* writers: begin_body is left out, so nobody can be fenced */
#define FENCED_KEEPS_VIEW 9        /* writers: a fenced transaction keeps its private pages */
#define NO_CATCH_UP 11             /* writers: begin does not catch up */
#define CATCH_UP_BY_EPOCH_ALONE 12 /* long: begin does not look at the tail, only at the epoch */
#define BACKLOG_NOT_IN_VIEW 13     /* base: catch_up leaves pages out that are not private yet */
#define ROLLBACK_WITHOUT_BACKLOG 14 /* long: rollback copies the image's lines and that is all */
#define EQUAL_LINES_LEFT_OUT 15    /* base: lines equal to the image are out of records */
#define TAIL_BEFORE_RECORD 16      /* writers: the tail covers a record that is not written yet */
#define VISIBLE_BEFORE_TAIL 17     /* base: visible is raised before the tail */
#define VISIBLE_IF_PUBLISHED 18    /* base: visible is not raised where lanes hold a record back */
#define VISIBLE_LOWERED 19         /* base: visible goes down again where a publication fails */
#define NO_SCAN 20                 /* base: show_appended does not look at the lanes */
#define SCAN_BEFORE_RAISE 21       /* base: no fence between raising the words and the scan */
#define SCAN_FIRST_LANE_ONLY 22    /* base: the scan ends after the first lane */
#define SCANNED_ONCE 23            /* base: one scan for all records of the backlog */
#define BEGUN_NOT_SAID 24          /* base: applying stays 2n while the image is stored */
#define APPLIED_OUT_OF_ORDER 25    /* base: the newest record is applied before the backlog */
#define PUBLISHED_BEFORE_APPLIED 26 /* base: published is stored before the lines */
#define APPLYING_LOWERED_EARLY 27  /* base: applying is lowered before published is stored */
#define APPLYING_LEFT_RAISED 28    /* base: applying stays raised where a lane is in the way */
#define HEIR_LOWERS_ALL 29         /* base: the heir lowers applying = 2n + 1 */
#define HEIR_REPEATS_PUBLISHED 30  /* writers: the heir applies what is published already */
#define HEIR_LEAVES_TAIL 31        /* writers: the heir does not publish what is only appended */
#define DEAD_LANES_KEPT 32         /* base: lanes of the dead are not reaped */
#define LIVE_LANES_REAPED 33       /* base: lanes of the living are reaped */
#define LANE_AFTER_LOOK 34         /* base: no fence between lane and visible in enter */
#define LANE_AFTER_LOOK_SLOWLY 35  /* base: no fence between lane and applying in enter_slowly */
#define APPLYING_IGNORED 36        /* base: enter_slowly does not look at applying */
#define PUBLISHED_NOT_RELOADED 37  /* base: enter_slowly does not look at published again */
#define LANE_BEFORE_OVERLAY 39     /* base: the lane is raised before the overlay is built */
#define LANE_NOT_RAISED 40         /* base: the lane is not raised: the overlay stays pinned at p */
#define OVERLAY_STALE 41           /* overlays: an overlay of an earlier section is used as it is */
#define OVERLAY_ADVANCED_IN_USE 42 /* overlays: an overlay that another section reads is advanced */
#define NO_REPAIR 43               /* base: sections wait for a dead publisher */
#define NO_LEAVE_PUBLICATION 44    /* base: leave does not publish what was held back */
#define NO_LOOK_AFTER_RELEASE 45   /* base: nobody looks at the backlog after a release */
#define LOG_FREED_TO_TAIL 46       /* base: a checkpoint frees what is not published */
#define NO_CLAIM 47                /* threads: two threads of a process in one working view */
#define EPOCH_OF_PROCESS 48        /* threads: begin_commit expects the process's last epoch */
#define CLAIM_KEPT_BY_FENCED 50    /* threads: a fenced transaction keeps the claim */
#define NO_QUARANTINE 51           /* heap: a fence sets nothing aside */
#define QUARANTINE_TO_FILE_END 52  /* heap: the announced growth of the fenced is not set aside */
#define GROWTH_NOT_GUARDED 53      /* heap: growth is announced without moving to GUARDED */
#define QUARANTINE_BY_FENCER_ONLY 54 /* heap: who takes over from a dead fencer looks for no body */
#define RUN_FREED_TWICE 63         /* again: a heir gives back what a dead one's record gave back */
#define QUARANTINE_FREED_EARLY 55  /* heap: the run is given back while the fenced body runs */
#define QUARANTINE_CUT 56          /* heap: the file is cut below the run */
#define QUARANTINE_FORGOTTEN 57    /* heap: only the fencer's transaction begins behind the run */
#define FENCED_CUTS 58             /* heap: a fenced transaction cuts the file */
#define NO_MEMBARRIER 60           /* kept: the publisher takes lanes back without a fence */
#define MEMBARRIER_BEFORE_RAISE 61 /* kept: it fences before it raises the words */
#define KEPT_BEFORE_MEMBARRIER 62  /* kept: it takes back what was kept before it fenced */
#define KEPT_NOT_REVOKED 70        /* kept: publishers wait for lanes that nobody reads by */
#define KEPT_LOOKS_AT_LANE_ALONE 71 /* kept: who enters by a kept lane looks at no other word */
#define OVERLAY_KEPT 72            /* kept: a section of an overlay keeps its lane */
#define LANE_LOST_UNNOTICED 73     /* lowered: who enters with a fence does not see its lane taken */
#define LANE_LOST_SLOWLY 74        /* lowered: the same of who enters an overlay */
#define FENCED_NOT_PINNED 64       /* writers: commits are published over a fenced body */
#define PIN_KEPT_BY_FENCED 65      /* writers: a fenced transaction does not say that it is over */
#define PIN_OF_THE_DEAD 66         /* writers: a fenced body whose process is dead pins on */
#define SHOWN_NOT_LEARNED 67       /* long: catch_up takes what it knew for what is published */
#define FAILED_BEGIN_RELEASES_SEEN 68 /* refused: a failed begin releases as though it knew all */
#define FAILED_BEGIN_UNNOTICED 69  /* refused: the same, and begin looks at epoch and tail alone */

#define ACTORS (WRITERS + READERS)
#define CLOSER ACTORS       /* whoever comes last and looks whether all is well */
#define NOBODY (ACTORS + 1) /* a slot whose owner is certainly dead */
#define LAST (2 + WRITERS * COMMITS)
#define LANES (READERS > 0 -> READERS : 1)
#define A(n) ((((n) + 1) / 2) % 2)
#define B(n) ((n) % 2)
#if ONE_PROCESS
#define PROC(i) ((i) < WRITERS -> 0 : ((i) < ACTORS -> 1 : (i)))
#else
#define PROC(i) (i)
#endif
#define FREE 0
#define me _pid
#define mine PROC(_pid)
#define mylane (_pid - WRITERS)
#define MAX(x, y) ((x) > (y) -> (x) : (y))

/* Live words. The lock word is {owner, guarded, epoch}. Epochs never come back, so it is enough to
 * know whose the present one is: the actor that raised it or went on with it. */
byte owner = FREE; /* actor + 1 */
bool guarded;      /* phase GUARDED, else ACTIVE: only then its owner can be fenced */
byte epoch_of;     /* actor + 1 */
byte tail = 1, visible = 1, published = 1, applying = 0;
byte pin; /* actor + 1 whose body was fenced and is not over: LiveWords::body, then Quarantine */
byte lane[READERS + 1];

/* The shared image, and the log: `logged` is the last record wholly written, `freed` the last one
 * that a checkpoint made superfluous. */
bit image_a = A(1), image_b = B(1);
byte logged = 1, freed = 1;
bit has_a[LAST + 1], has_b[LAST + 1];

/* Of each process: the working view (a page each for a and b), and which thread has claimed it. */
byte place[ACTORS + 2] = 1, claim[ACTORS + 2];
bit private_a[ACTORS + 2], view_a[ACTORS + 2], private_b[ACTORS + 2], view_b[ACTORS + 2];

/* Of each process: what it knows to be published (Engine::shown_); 1 where it will ask anyway. */
byte shown[ACTORS + 2] = 1;

/* Overlays: the state that an overlay shows, its private pages, how many sections read it. */
byte overlay_at[READERS + 1], overlay_users[READERS + 1];
bit overlay_has_a[READERS + 1], overlay_a[READERS + 1], overlay_b[READERS + 1];

bool dead[ACTORS + 2], done[ACTORS + 2], asleep[ACTORS + 2];
byte fences_left = FENCES, deaths_left = DEATHS, failures_left = FAILURES;

#if HEAP
#define PAGES 16
#define COMMITTED 255
/* Pages: heap end and file length as record n has them, length of the file, announced growth
 * (the resize record), the run that a fence set aside, and by which record it is given back. */
byte heap_end[LAST + 1] = 1, file_bytes[LAST + 1] = 2, file_now = 2, announced;
byte run_of, run_begin, run_end, freeing;
byte page_owner[PAGES];     /* actor + 1 */
bool body_open[ACTORS + 2]; /* LiveWords::body */
#else
#define run_of 0
#endif
#if KEPT
bool kept[READERS + 1];     /* no section: its thread only keeps the lane for the next one */
bool buffered[READERS + 1]; /* that it is kept no more is not out of the store buffer yet */
#endif

/* Death, before any step. Of the readers it is enough that the first one may die. */
inline die() {
  if :: !dead[me] -> deaths_left-- :: else fi;
  dead[me] = true; /* and the other thread of the process */
  dead[(ONE_PROCESS -> (me < WRITERS -> 1 - me : 2 * WRITERS + 1 - me) : me)] = true;
  claim[mine] = 0; place[mine] = 0; shown[mine] = 1; asleep[me] = false;
  private_a[mine] = 0; private_b[mine] = 0; view_a[mine] = 0; view_b[mine] = 0
}
#define may_die() (dead[me] || (deaths_left > 0 && me <= WRITERS))
#define when(condition, what) \
  if \
  :: d_step { !dead[me] && (condition) -> what } \
  :: d_step { may_die() -> die() } goto died \
  fi
#define step(what) when(true, what)
/* The same for steps with a choice in them. */
#define choice(what) \
  if \
  :: atomic { !dead[me] -> what } \
  :: d_step { may_die() -> die() } goto died \
  fi

/* Stores that only the holder of the lock may do, and only GUARDED (invariants 3 and 4). */
#define require_guarded() assert(owner == me + 1 && guarded)
#define guarded_step(what) step(require_guarded(); what)
#define raise_visible(n) assert((n) >= visible); visible = (n)
/* Where a record could not be published. A commit of one that makes an Atomic returns unseen. */
#if LOWERED
#define keep_visible() visible = published
#define is_behind (tail != published)
#define may_return(n) true
#else
#define keep_visible() raise_visible((is(VISIBLE_LOWERED) -> published : visible))
#define is_behind (visible != published)
#define may_return(n) (visible >= n)
#endif
/* Record k can be read (invariant 6). */
#define require_record(k) assert(k <= logged && k > freed)
/* By what this process knows. */
#define next_record() (shown[mine] < tail -> shown[mine] + 1 : 0)
#define own_epoch() (epoch_of == me + 1 || \
                     (is(EPOCH_OF_PROCESS) && epoch_of != 0 && PROC(epoch_of - 1) == mine))
#define owner_is_dead() (owner == NOBODY + 1 || (owner != FREE && dead[owner - 1]))

#if HEAP

/* ---- Fresh pages: what lies behind the committed heap end is the transaction's own ---- */

#define quarantine_end() (run_of != 0 && !is(QUARANTINE_CUT) -> run_end : 0)
#define body_ended(i) (dead[i] || !body_open[i])

/* Begin, GUARDED, before the claim: after a fence or a takeover a body may still run whose
 * transaction is lost. What it may store into is set aside; and given back once it ended. */
inline settle_quarantine() {
  r = 0;
  do
  :: r < WRITERS && !is(NO_QUARANTINE) && (fenced || (taken && !is(QUARANTINE_BY_FENCER_ONLY))) ->
     if
     :: r != me && run_of == 0 && !body_ended(r) ->
        run_of = r + 1; run_begin = heap_end[tail];
        run_end = (is(QUARANTINE_TO_FILE_END) -> file_now : MAX(file_now, announced))
     :: else
     fi;
     r++
  :: else -> break
  od;
  r = 0; announced = 0; spare = 0;
  if
  :: run_of != 0 && (body_ended(run_of - 1) || is(QUARANTINE_FREED_EARLY)) ->
     if
     :: run_begin == run_end || heap_end[tail] < run_end ||
        (freeing != 0 && freeing <= tail && !is(RUN_FREED_TWICE)) ->
        run_of = 0; run_begin = 0; run_end = 0; freeing = 0 /* none, never reserved, or given back */
     :: else -> /* Given back by this transaction, which takes a page of it at once. */
        spare = run_begin
     fi
  :: else
  fi
}

/* A page goes to this transaction. Requires that no living body and no commit has it. */
inline take_page(page) {
  k = page_owner[page];
  assert(k == 0 || k == me + 1 || (k != COMMITTED && body_ended(k - 1)));
  page_owner[page] = me + 1;
  assert(page < file_now); /* Else SIGBUS. */
  k = 0
}

inline open_body() {
  body_open[me] = true;
  length = file_bytes[tail];
  heap = heap_end[tail];
  if
  :: run_of != 0 && !(is(QUARANTINE_FORGOTTEN) && !fenced) && heap < run_end ->
     heap = run_end; length = MAX(length, run_end)
  :: else
  fi;
  if :: spare != 0 -> take_page(spare) :: else fi
}

/* Engine::extend_heap: grow_file announces under guard how far it goes, then allocates ACTIVE. */
inline extend_heap() {
  if
  :: heap < length -> ok = true
  :: else ->
#if MUTANT == GROWTH_NOT_GUARDED
     ok = true;
     step(announced = heap + 1);
#else
     step(begin_commit(); if :: ok -> announced = heap + 1 :: else -> end_fenced(false) fi);
     if :: ok -> guarded_step(guarded = false) :: else fi;
#endif
     if :: ok -> step(file_now = MAX(file_now, heap + 1); length = heap + 1) :: else fi
  fi;
  if :: ok -> step(take_page(heap); heap++) :: else fi
}
inline store_fresh() {
  assert(page_owner[heap - 1] == me + 1 && heap <= file_now)
}

inline write_heap_end() {
  heap_end[k] = heap; file_bytes[k] = MAX(file_bytes[tail], length);
  freeing = (spare != 0 -> k : freeing)
}
inline commit_pages() {
  r = 0;
  do
  :: r < PAGES ->
     if
     :: page_owner[r] == me + 1 && (r >= heap_end[tail - 1] || (r == spare && spare != 0)) ->
        page_owner[r] = COMMITTED
     :: else
     fi;
     r++
  :: else -> break
  od;
  r = 0
}
inline release_quarantined() {
  if :: spare != 0 -> run_of = 0; run_begin = 0; run_end = 0; freeing = 0; spare = 0 :: else fi
}

#define cut_is_needed (length > file_bytes[tail])
#define cut_file() file_now = MAX(file_bytes[tail], quarantine_end())
/* What was not committed is nobody's, also to later transactions of this writer. */
inline close_body() {
  r = 0;
  do
  :: r < PAGES -> page_owner[r] = (page_owner[r] == me + 1 -> 0 : page_owner[r]); r++
  :: else -> break
  od;
  r = 0; body_open[me] = false; heap = 0; length = 0
}
#define after_death() file_now = MAX(file_bytes[tail], quarantine_end())

#else
#define quarantine_end() 0
#define settle_quarantine() skip
#define open_body() skip
#define extend_heap() skip
#define store_fresh() skip
#define write_heap_end() skip
#define commit_pages() skip
#define release_quarantined() skip
#define close_body() skip
#define cut_is_needed false
#define cut_file() skip
#define after_death() skip
#endif

/* ---- WriteLock: inlines that are part of a step ---- */

/* The compare-and-swap that gives the lock to this actor, GUARDED. */
inline grant(from_dead, by_fence) {
  taken = from_dead; fenced = by_fence;
  changed = (epoch_of == 0 || PROC(epoch_of - 1) != mine || from_dead || by_fence);
  owner = me + 1; guarded = true;
  if :: is(FENCE_KEEPS_EPOCH) && by_fence :: else -> epoch_of = me + 1 fi
}
#define can_take_over() (owner_is_dead() && !is(NO_TAKEOVER))
/* fence expects the whole word, and in it phase ACTIVE. */
#define can_fence() (fences_left > 0 && owner != FREE && !owner_is_dead() && run_of == 0 && \
                     (!guarded || is(FENCE_IN_GUARDED)))
inline try_acquire() {
  if
  :: owner == FREE -> grant(false, false)
  :: can_take_over() -> grant(true, false)
  :: can_fence() -> fences_left--; pin = owner; grant(false, true)
  :: else -> assert(is(TAKE_FROM_THE_LIVING)); grant(true, false)
  fi
}
#define can_acquire() \
  (owner == FREE || can_take_over() || can_fence() || is(TAKE_FROM_THE_LIVING))

/* ACTIVE to GUARDED: before a commit, and before a rollback that needs the log or cuts the file. */
inline begin_commit() {
  ok = own_epoch() || is(COMMIT_BY_STORE);
  if :: ok -> guarded = true :: else fi
}

/* Sections, and who only helps, learn it in any case. */
#define forget_shown() shown[mine] = (me < WRITERS && (todo > 1 || ONE_PROCESS) -> shown[mine] : 1)

inline release() {
  ok = own_epoch() || is(RELEASE_BY_STORE);
  if
  :: ok ->
     assert(owner == me + 1);
     owner = FREE; guarded = false;
     /* Whose epoch it was matters to writers only. */
     epoch_of = (me < WRITERS && todo > 0 -> epoch_of : NOBODY + 1)
  :: else
  fi;
  forget_shown();
  taken = false; changed = false; fenced = false
}

/* The holder did not look what others did: the next grant is one of a lock that changed hands. */
inline release_unseen() {
  assert(owner == me + 1);
  owner = FREE; guarded = false;
  if :: !is(FAILED_BEGIN_RELEASES_SEEN) && !is(FAILED_BEGIN_UNNOTICED) -> epoch_of = NOBODY + 1
  :: else
  fi;
  taken = false; changed = false; fenced = false
}
inline leave_to_the_dead() {
  owner = NOBODY + 1;
  taken = false; changed = false; fenced = false
}

/* A begin fails before it caught up: release_after_failure. */
inline refuse() {
  failures_left--;
  if
  :: taken || fenced -> leave_to_the_dead()
  :: else -> release_unseen()
  fi
}

/* With the lock: what others published meanwhile. Asked for where it may be something else than
 * what this process knows; `always` where catch_up is called in any case. */
inline learn_shown(always) {
  /* Invariant 9; what else begin looks at is for words that somebody wrote over. */
  assert(always || changed || place[mine] != tail || is(FAILED_BEGIN_UNNOTICED) ||
         (shown[mine] == published && applying == 0));
  if
  :: (always || changed || place[mine] != tail ||
      ((shown[mine] != published || applying != 0) && !is(FAILED_BEGIN_UNNOTICED))) &&
     !is(SHOWN_NOT_LEARNED) ->
     shown[mine] = published
  :: else
  fi;
  k = next_record()
}

#if KEPT
#define is_kept(l) kept[l]
#define keeps_lane keeps
/* A fence lies between the two, and a publisher may take the lane back there: what was kept before
 * it was given up and stored anew. */
#define store_and(look) step(store_lane(p)); step(look)
#define still_holds_unless(mutant_number) (lane[mylane] == p || is(mutant_number))
#define empty_buffer(l) if :: buffered[l] -> kept[l] = false; buffered[l] = false :: else fi
inline empty_buffers() { empty_buffer(0); empty_buffer(LANES - 1) }
#define store_lane(value) empty_buffer(mylane); lane[mylane] = value; kept[mylane] = false
#else
#define is_kept(l) false
#define keeps_lane false
#define store_and(look) step(store_lane(p); look) /* a full fence between them */
#define still_holds_unless(mutant_number) true
#define store_lane(value) lane[mylane] = value
#endif

/* ---- Engine: publication ---- */

/* ReaderLanes::wait_for_older: whether lane l holds back record k. Lanes of the dead are freed. */
inline wait_for_lane(l) {
  if
  :: (dead[WRITERS + l] && !is(DEAD_LANES_KEPT)) || is(LIVE_LANES_REAPED) -> lane[l] = 0
  :: else
  fi;
  blocked = (lane[l] != 0 && lane[l] < k && !is(NO_SCAN) && !(is(SCAN_FIRST_LANE_ONLY) && l > 0) &&
             !scanned)
}

/* RecordView::apply to the shared image: its first line, and the others. */
inline store_first_line() {
  assert(published == k - 1 || is(PUBLISHED_BEFORE_APPLIED));
  require_record(k);
  if :: has_a[k] -> image_a = A(k) :: else fi
}
inline apply_rest() {
#if MUTANT == APPLYING_LOWERED_EARLY
  guarded_step(applying = 0);
#endif
  guarded_step(
    if :: has_b[k] -> image_b = B(k) :: else fi;
    assert(k > published || is(PUBLISHED_BEFORE_APPLIED)); /* Invariant 9. */
    published = k; shown[mine] = k);
  guarded_step(applying = 0; k = next_record())
}

/* Engine::is_pinned_by_fenced */
#define pinned() (pin != 0 && !is(FENCED_NOT_PINNED) && (!dead[pin - 1] || is(PIN_OF_THE_DEAD)))

/* Both words, and then a full fence. That one is seen without the other changes nothing. Beside a
 * fenced body only visible (show_held_back): whether there is one is known before, as nobody can be
 * fenced while this one has the lock. */
inline raise_words() {
  guarded_step(
    blocked = pinned();
    applying = (blocked -> applying : 2 * k);
    raise_visible((is(VISIBLE_IF_PUBLISHED) -> visible : tail)))
}

/* ReaderLanes::revoke_kept: who keeps a lane looks at `visible` before it reads by it, and
 * membarrier empties the store buffers of all threads: who is not seen to read then sees the words
 * raised. The lane is taken back in a step of its own, as it was seen. */
#if KEPT
#define may_revoke(l) (lane[l] != 0 && lane[l] < k && kept[l] && !is(KEPT_NOT_REVOKED))
inline revoke_kept() {
  step(ok = may_revoke(0) || may_revoke(LANES - 1));
  if
  :: ok ->
#if MUTANT == KEPT_BEFORE_MEMBARRIER
     step(seen[0] = (may_revoke(0) -> lane[0] : 0);
          seen[LANES - 1] = (may_revoke(LANES - 1) -> lane[LANES - 1] : 0));
     step(empty_buffers());
#else
     if :: !is(NO_MEMBARRIER) && !is(MEMBARRIER_BEFORE_RAISE) -> step(empty_buffers()) :: else fi;
     step(seen[0] = (may_revoke(0) -> lane[0] : 0);
          seen[LANES - 1] = (may_revoke(LANES - 1) -> lane[LANES - 1] : 0));
#endif
     step(
       if :: seen[0] != 0 && lane[0] == seen[0] -> lane[0] = 0 :: else fi;
       if
       :: seen[LANES - 1] != 0 && lane[LANES - 1] == seen[LANES - 1] -> lane[LANES - 1] = 0
       :: else
       fi;
       seen[0] = 0; seen[LANES - 1] = 0);
  :: else
  fi;
  ok = false
}
#else
#define revoke_kept() skip
#endif

/* Requires the lock, GUARDED, and k. Publishes what is appended, as far as the lanes let it. What
 * the last look decides is done in one step with it: only who has looked too can tell. */
inline show_appended() {
  do
  :: k == 0 -> break
  :: else ->
     if :: is(APPLIED_OUT_OF_ORDER) -> step(k = tail) :: else fi;
#if MUTANT == MEMBARRIER_BEFORE_RAISE
     step(empty_buffers());
#endif
#if MUTANT != SCAN_BEFORE_RAISE
     raise_words();
#endif
     if :: !blocked -> revoke_kept() :: else fi;
     r = 0;
     do
     :: r < LANES && !blocked ->
        guarded_step(
          wait_for_lane(r);
          r++;
          if
          :: blocked ->
             applying = (is(APPLYING_LEFT_RAISED) -> applying : 0);
             keep_visible()
          :: !blocked && r == LANES && !is(PUBLISHED_BEFORE_APPLIED) && !is(SCAN_BEFORE_RAISE) ->
             applying = (is(BEGUN_NOT_SAID) -> applying : 2 * k + 1);
             store_first_line()
          :: else
          fi)
     :: else -> break
     od;
     r = 0;
     if
     :: blocked ->
#if MUTANT == SCAN_BEFORE_RAISE
        guarded_step(raise_visible(tail));
#endif
        blocked = false; k = 0
     :: else ->
#if MUTANT == SCAN_BEFORE_RAISE
        raise_words(); blocked = false;
        guarded_step(applying = 2 * k + 1; store_first_line());
#elif MUTANT == PUBLISHED_BEFORE_APPLIED
        guarded_step(published = k);
        guarded_step(applying = 2 * k + 1; store_first_line());
#endif
        apply_rest();
        if :: is(VISIBLE_IF_PUBLISHED) -> step(visible = published) :: else fi;
        scanned = is(SCANNED_ONCE)
     fi
  od;
  scanned = false
}

/* After a release and after a section: what could not be published before may be so now. */
#define holds_back(l) (lane[l] != 0 && lane[l] <= published && !dead[WRITERS + l] && !is_kept(l))
inline help_publication() {
  do
  :: step(ok = (is_behind && owner == FREE && !holds_back(0) &&
                !holds_back(LANES - 1) && !pinned());
          if :: ok -> grant(false, false); learn_shown(true) :: else fi);
     if
     :: ok -> show_appended(); step(release(); ok = false)
     :: else -> break
     fi
  od
}

/* Requires the lock. What the owner before left undone. */
inline take_over() {
  if
  :: taken ->
     guarded_step(
       ok = applying % 2 == 1 && (published < applying / 2 || is(HEIR_REPEATS_PUBLISHED)) &&
            !is(HEIR_LOWERS_ALL);
       if
       :: ok -> k = applying / 2; store_first_line()
       :: else -> applying = 0
       fi;
       if :: READERS > 0 && dead[WRITERS] && !is(DEAD_LANES_KEPT) -> lane[0] = 0 :: else fi;
       logged = tail; /* discard_torn_append */
       after_death());
     if :: ok -> apply_rest() :: else fi
  :: else
  fi
}

/* ---- Engine: transactions; inlines that are part of a step ---- */

/* Record k to the working view: its lines in private pages, or all of it where it is not
 * published. */
inline apply_to_working_view() {
  require_record(k);
  if
  :: has_a[k] && (private_a[mine] || (k > shown[mine] && !is(BACKLOG_NOT_IN_VIEW))) ->
     private_a[mine] = 1; view_a[mine] = A(k)
  :: else
  fi;
  if
  :: has_b[k] && (private_b[mine] || (k > shown[mine] && !is(BACKLOG_NOT_IN_VIEW))) ->
     private_b[mine] = 1; view_b[mine] = B(k)
  :: else
  fi
}

inline drop_private_pages() {
  private_a[mine] = 0; private_b[mine] = 0; view_a[mine] = 0; view_b[mine] = 0
}

inline catch_up() {
  if
  :: (!changed && (place[mine] == tail || is(CATCH_UP_BY_EPOCH_ALONE))) || is(NO_CATCH_UP)
  :: else ->
     if /* The log no longer holds what the private pages lack. */
     :: place[mine] < freed -> place[mine] = freed; drop_private_pages()
     :: else
     fi;
     k = place[mine] + 1;
     do
     :: k <= tail -> apply_to_working_view(); k++
     :: else -> break
     od;
     place[mine] = tail
  fi;
  k = 0
}

/* What the body reads in the working view, and stores there. */
inline run_body() {
  k = (private_a[mine] -> view_a[mine] : image_a);
  assert(k == A(place[mine]) && (private_b[mine] -> view_b[mine] : image_b) == B(place[mine]));
  view_b[mine] = 1 - (private_b[mine] -> view_b[mine] : image_b);
  private_b[mine] = 1;
  if :: view_b[mine] -> view_a[mine] = 1 - k; private_a[mine] = 1 :: else fi;
  k = 0
}

/* Writes the record that the next step's tail will cover. */
inline append() {
  k = place[mine] + 1;
  require_guarded();
  assert(k == tail + 1 || is(TAIL_BEFORE_RECORD));
  assert(view_b[mine] == B(k) && (private_a[mine] -> view_a[mine] : image_a) == A(k));
  /* collect_lines */
  has_a[k] = view_b[mine] && !(is(EQUAL_LINES_LEFT_OUT) && view_a[mine] == image_a);
  has_b[k] = !(is(EQUAL_LINES_LEFT_OUT) && view_b[mine] == image_b);
  logged = k
}

/* The lines of the image, and over them what is appended and not published. */
inline restore_lines() {
  if :: view_b[mine] -> view_a[mine] = image_a :: else fi;
  view_b[mine] = image_b;
  k = shown[mine] + 1;
  do
  :: k <= tail && !is(ROLLBACK_WITHOUT_BACKLOG) && held -> apply_to_working_view(); k++
  :: else -> break
  od;
  k = 0
}

/* A transaction finds that it was fenced: errc::fenced. Nothing of it stays. */
inline end_fenced(keeps_view) {
  close_body(); forget_shown();
  if :: !keeps_view -> drop_private_pages(); place[mine] = 0 :: else fi;
  if :: pin == me + 1 && !is(PIN_KEPT_BY_FENCED) -> pin = 0 :: else fi;
  if :: !is(CLAIM_KEPT_BY_FENCED) -> claim[mine] = 0 :: else fi
}

active [WRITERS] proctype writer() {
  byte k, r, todo = COMMITS;
  bool taken, changed, fenced, ok, blocked, scanned, held, commits;
#if HEAP
  byte heap, length, spare;
#endif
#if KEPT
  byte seen[READERS + 1];
#endif
  do
  :: todo == 0 -> break
  :: else ->
begin: /* Engine::begin_write */
#if MUTANT == ACQUIRE_BY_STORE
     when(owner == FREE, skip);
     step(grant(false, false); learn_shown(false); claim[mine] = me + 1; ok = true);
#else
#if HEAP
     when(can_acquire(), try_acquire()); /* Who fences may die before it sets anything aside. */
     guarded_step(learn_shown(false); settle_quarantine(); claim[mine] = me + 1; ok = true);
#else
#if FAILURES
     if /* At once: a lock that is held for a moment, nobody can tell from one that is free later. */
     :: d_step { failures_left > 0 && !dead[me] && can_acquire() -> try_acquire(); refuse() }
     :: true
     fi;
#endif
     when(can_acquire(), try_acquire();
          /* One thread of a process in its working view, state_ and place. */
          ok = (claim[mine] == 0 || is(NO_CLAIM));
          if :: ok -> claim[mine] = me + 1; learn_shown(false) :: else fi);
#endif
#endif
     if
     :: !ok ->
        step(if
             :: taken -> leave_to_the_dead()
             :: else -> release_unseen()
             fi);
        when(claim[mine] == 0, skip);
        goto begin
     :: else
     fi;
     take_over();
     show_appended();
     choice(
       require_guarded();
       if /* write_checkpoint */
       :: is(LOG_FREED_TO_TAIL) -> freed = tail
       :: freed < shown[mine] -> freed = shown[mine]
       :: !PLAIN || freed >= shown[mine]
       fi;
       catch_up();
       held = (shown[mine] < tail);
       open_body();
       guarded = is(BODY_STAYS_GUARDED); /* begin_body */
       if /* The process is stopped; whoever waits for the lock fences it. */
       :: fences_left > 0 && !PLAIN -> asleep[me] = true
       :: true
       fi);
     ok = true;
     extend_heap();
     if :: !ok -> goto ended :: else fi;
     if
     :: atomic { !dead[me] && (!asleep[me] || owner != me + 1) ->
          asleep[me] = false; store_fresh(); run_body();
          if :: commits = true :: !PLAIN -> commits = false fi }
     :: d_step { may_die() -> die() } goto died
     fi;
     if
     :: commits -> /* Engine::commit */
        step(begin_commit();
             if
             :: ok && is(TAIL_BEFORE_RECORD) -> tail = place[mine] + 1
             :: ok && !is(TAIL_BEFORE_RECORD) -> append(); write_heap_end()
             :: else -> end_fenced(is(FENCED_KEEPS_VIEW))
             fi);
        if :: !ok -> goto ended :: else fi;
#if MUTANT == TAIL_BEFORE_RECORD
        step(append());
#elif MUTANT == VISIBLE_BEFORE_TAIL
        step(visible = k);
#endif
        guarded_step(tail = k; place[mine] = k; commit_pages(); k = next_record());
        show_appended();
        step(k = place[mine]; close_body(); release_quarantined(); claim[mine] = 0; release();
             assert(may_return(k)); /* The commit returns. */
             k = 0)
     :: else -> /* Engine::rollback */
        if
        :: held || cut_is_needed ->
           step(begin_commit();
                if
                :: ok -> restore_lines(); cut_file()
                :: else -> end_fenced(false); if :: is(FENCED_CUTS) -> cut_file() :: else fi
                fi)
        :: else -> step(restore_lines())
        fi;
        if
        :: !ok -> goto ended
        :: else
        fi;
        step(release();
             if
             :: !ok -> end_fenced(false)
             :: else -> close_body(); claim[mine] = 0
             fi)
     fi;
ended:
     commits = false; held = false; ok = false;
     if :: !is(NO_LOOK_AFTER_RELEASE) -> help_publication() :: else fi;
     todo--;
     if
     :: todo == 0 && !ONE_PROCESS -> d_step {
          drop_private_pages();
          place[mine] = 0;
          shown[mine] = 1;
          epoch_of = (epoch_of == me + 1 && owner == FREE -> NOBODY + 1 : epoch_of) }
     :: else
     fi
  od;
died:
  atomic {
    done[me] = true;
    k = 0; r = 0; todo = 0; ok = false; blocked = false; scanned = false; held = false;
    taken = false; changed = false; fenced = false; commits = false
  }
}

/* ---- ReaderLanes ---- */

/* Overlays::open: an overlay of this process at v, built or advanced in private memory while the
 * image is frozen at p. */
inline open_overlay() {
  assert(image_a == A(p) && image_b == B(p) && (lane[mylane] == p || is(LANE_BEFORE_OVERLAY)));
  o = mylane;
#if ONE_PROCESS
  o = (overlay_at[0] == v || (overlay_users[0] == 0 && overlay_at[1] != v) ||
       is(OVERLAY_ADVANCED_IN_USE) -> 0 : 1);
#endif
  if
  :: overlay_at[o] < p && !(is(OVERLAY_STALE) && overlay_at[o] != 0) ->
     overlay_at[o] = p; overlay_has_a[o] = 0; overlay_b[o] = image_b
  :: else
  fi;
  k = overlay_at[o] + 1;
  do
  :: k <= v && !(is(OVERLAY_STALE) && overlay_at[o] > p) ->
     require_record(k);
     if :: has_a[k] -> overlay_has_a[o] = 1; overlay_a[o] = A(k) :: else fi;
     if :: has_b[k] -> overlay_b[o] = B(k) :: else fi;
     k++
  :: else -> break
  od;
  overlay_at[o] = v; overlay_users[o]++;
  overlaid = true;
  k = 0
}

inline look_at_visible() {
  ok = (visible == p && still_holds_unless(LANE_LOST_UNNOTICED));
  v = (ok -> p : 0); p = (ok -> p : 0)
}

/* ReaderLanes::enter, of a lane that still holds what the section before read at, which is v. */
inline enter_kept() {
#if KEPT
  step(buffered[mylane] = true;
       ok = (visible == v || is(KEPT_LOOKS_AT_LANE_ALONE)));
  step(ok = ok && lane[mylane] == v;
       keeps = false;
       if :: !ok -> store_lane(0); v = 0 :: else fi)
#endif
}

/* ReaderLanes::leave: the lane is kept, or idle. */
inline leave_lane() {
#if KEPT
  if
  :: !overlaid || is(OVERLAY_KEPT) -> empty_buffer(mylane); kept[mylane] = true; keeps = true
  :: store_lane(0)
  fi
#else
  store_lane(0)
#endif
}

active [READERS] proctype reader() {
  byte k, r, todo = SECTIONS, p, v, o;
  bool taken, changed, fenced, ok, blocked, scanned, overlaid;
#if KEPT
  byte seen[READERS + 1];
  bool keeps;
#endif
  do
  :: todo == 0 -> break
  :: else -> /* ReaderLanes::enter */
#if KEPT
     if
     :: keeps ->
        enter_kept();
        if :: ok -> goto section :: else fi
     :: else
     fi;
#endif
     step(p = published);
#if MUTANT == LANE_AFTER_LOOK
     step(look_at_visible());
     if :: ok -> step(store_lane(p)) :: else fi;
#else
     store_and(look_at_visible());
#endif
     if :: ok -> goto section :: else fi;

slowly: /* ReaderLanes::enter_slowly */
     step(p = published);
#if MUTANT == LANE_AFTER_LOOK_SLOWLY
     step(ok = (applying == 0));
     if :: ok -> step(store_lane(p)) :: else fi;
#else
     store_and(ok = (applying == 0 && still_holds_unless(LANE_LOST_SLOWLY)) ||
                    is(APPLYING_IGNORED));
#endif
     if
     :: !ok -> /* A publication is under way. */
        step(store_lane(0); p = 0);
        when(applying == 0 || (owner_is_dead() && !is(NO_REPAIR)),
             if
             :: owner_is_dead() && applying != 0 -> grant(true, false); learn_shown(true); ok = true
             :: else
             fi);
        if
        :: ok -> /* Engine::repair_publication */
           take_over();
           if :: !is(HEIR_LEAVES_TAIL) -> show_appended() :: else -> k = 0 fi;
           step(release(); ok = false)
        :: else
        fi;
        goto slowly
     :: else
     fi;
#if MUTANT == LANE_BEFORE_OVERLAY
     step(store_lane(visible));
#endif
     step(
       ok = (published == p || is(PUBLISHED_NOT_RELOADED));
       if
       :: ok -> /* The image is frozen at p. */
          v = visible;
          if :: v != p -> open_overlay() :: else fi;
          store_lane((is(LANE_NOT_RAISED) -> p : v))
       :: else
       fi;
       p = 0);
     if :: !ok -> goto slowly :: else fi;

section: /* Read where it ends: what was mixed once does not become state v again. */
     choice(
       if
       :: overlaid ->
          assert((overlay_has_a[o] -> overlay_a[o] : image_a) == A(v) && overlay_b[o] == B(v));
          assert(lane[mylane] == v)
       :: else -> assert(image_a == A(v) && image_b == B(v))
       fi;
       leave_lane();
       if :: overlaid -> overlay_users[o]-- :: else fi;
       if
       :: todo == 1 && !ONE_PROCESS ->
          overlay_at[mylane] = 0; overlay_has_a[mylane] = 0; overlay_a[mylane] = 0;
          overlay_b[mylane] = 0
       :: else
       fi;
       overlaid = false; o = 0; p = 0; ok = false;
       v = (keeps_lane -> v : 0));
     if :: !is(NO_LEAVE_PUBLICATION) -> help_publication() :: else fi;
     todo--
  od;
died:
  atomic {
    done[me] = true;
    k = 0; r = 0; todo = 0; p = 0; v = 0; o = 0; overlaid = false; ok = false; blocked = false;
    scanned = false; taken = false; changed = false; fenced = false;
#if KEPT
    keeps = false; seen[0] = 0; seen[LANES - 1] = 0
#endif
  }
}

#if KEPT
/* Store buffers empty themselves at some time. */
active proctype hardware() {
  do
  :: d_step { buffered[0] -> empty_buffer(0) }
  :: d_step { buffered[LANES - 1] -> empty_buffer(LANES - 1) }
  od
}
#endif

/* ---- The end: nobody can go on ---- */

active proctype closer() {
  byte k, r, i, todo;
  bool taken, changed, fenced, blocked, scanned, ok, anyone_asleep, anyone_dead;
#if KEPT
  byte seen[READERS + 1];
#endif
  if /* Nobody has to die: who waits for it would go unnoticed. */
  :: d_step { epoch_of == 0 && DEATHS > 0 -> deaths_left = 0 }
  :: true
  fi;
  atomic {
    timeout ->
    do
    :: i < ACTORS ->
       assert(done[i] || (asleep[i] && owner == i + 1)); /* Invariant 10. */
       anyone_asleep = anyone_asleep || !done[i];
       anyone_dead = anyone_dead || dead[i];
       assert(i < WRITERS || dead[i] || lane[i - WRITERS] == 0 || is_kept(i - WRITERS));
       i++
    :: else -> break
    od
  }
  if
  :: anyone_asleep
  :: else ->
     assert(anyone_dead || (owner == FREE && published == tail));
     d_step { try_acquire(); learn_shown(true) }
     take_over();
     if :: !is(HEIR_LEAVES_TAIL) -> show_appended() :: else fi;
     assert(published == tail && visible == tail && applying == 0);
     assert(image_a == A(tail) && image_b == B(tail))
  fi;
died:
  skip
}
