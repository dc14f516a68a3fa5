/* SPDX-License-Identifier: MIT */
/* rows_turns.cpp - threads that wait for their turn: two, a ring of them, and all at once */

#include <algorithm>
#include "peers.hpp"
#include "raw.hpp"

namespace {

/* A timeout that never passes, but that each wait must handle. */
constexpr std::int64_t hour_ns = 3600 * ns_per_s;

/* How the threads of a ring tell the next one. */
enum class Tell { any, fitting, all };

/*
 * Each thread waits until it is its turn, and passes the turn on. One iteration is once round. Of two threads
 * at most one waits, so any waiter is the right one; of more, only one can use it.
 */
template <class Peer, Tell tell, bool limited> class RingOf : public Work {
    struct IsMine {
        const unsigned *turn;
        unsigned me;
        bool operator()() const { return *turn == me; }
    };

    std::size_t rounds_;
    unsigned threads_;
    alignas(apart) typename Peer::Monitor monitor_;
    alignas(apart) unsigned turn_ = 0; /* under the monitor's lock, as the rest */
    std::size_t taken_ = 0;
    bool expired_ = false;
    std::vector<IsMine> is_mine_;

public:
    RingOf(std::size_t rounds, unsigned threads) : rounds_(rounds), threads_(threads)
    {
        for (unsigned me = 0; me < threads; me++)
            is_mine_.push_back({&turn_, me});
    }
    void run(unsigned me) override
    {
        IsMine &is_mine = is_mine_[me];
        for (std::size_t i = 0; i < rounds_; i++) {
            monitor_.lock();
            if (limited)
                expired_ |= !monitor_.wait_for(is_mine, hour_ns);
            else
                monitor_.wait(is_mine);
            taken_++;
            turn_ = me + 1 < threads_ ? me + 1 : 0;
            notify_and_unlock<Peer>(monitor_, false, [this] {
                if (tell == Tell::any)
                    monitor_.notify_one();
                else if (tell == Tell::fitting)
                    monitor_.notify_fitting();
                else
                    monitor_.notify_all();
            });
        }
    }
    bool right() const override { return taken_ == rounds_ * threads_ && !expired_; }
};

template <class Peer> using Turns = RingOf<Peer, Tell::any, false>;
template <class Peer> using TimedTurns = RingOf<Peer, Tell::any, true>;
template <class Peer> using Ring = RingOf<Peer, Tell::fitting, false>;
template <class Peer> using RingAll = RingOf<Peer, Tell::all, false>;

/* No lock and no condition: a word for each thread, on which it sleeps. */
class FutexRing : public Work {
    struct alignas(apart) Word {
        std::atomic<std::uint32_t> turn{0};
    };

    std::size_t rounds_;
    std::vector<Word> words_;

public:
    FutexRing(std::size_t rounds, unsigned threads) : rounds_(rounds), words_(threads) { words_[0].turn = 1; }
    void run(unsigned me) override
    {
        std::atomic<std::uint32_t> &mine = words_[me].turn;
        std::atomic<std::uint32_t> &next = words_[me + 1 < words_.size() ? me + 1 : 0].turn;
        for (std::size_t i = 0; i < rounds_; i++) {
            while (mine.load(std::memory_order_acquire) == 0)
                futex_wait(mine, 0);
            mine.store(0, std::memory_order_relaxed);
            next.store(1, std::memory_order_release);
            futex_wake(next, 1);
        }
    }
};

/* As fast as two cores can tell each other, while both do nothing else. */
class SpinTurns : public Work {
    std::size_t rounds_;
    alignas(apart) std::atomic<unsigned> turn_{0};

public:
    explicit SpinTurns(std::size_t rounds) : rounds_(rounds) {}
    void run(unsigned me) override
    {
        for (std::size_t i = 0; i < rounds_; i++) {
            while (turn_.load(std::memory_order_acquire) != me)
                pause_briefly();
            turn_.store(!me, std::memory_order_release);
        }
    }
};

/*
 * One iteration is a round: the first thread waits until all others have arrived, and lets them all go; each
 * of them goes through the lock and comes back. Two conditions on one lock.
 */
template <class Peer> class Broadcast : public Work {
    struct AllHere {
        const Broadcast *work;
        bool operator()() const { return work->here_ == work->waiters_; }
    };
    struct RoundIs {
        const Broadcast *work;
        unsigned parity;
        bool operator()() const { return (work->round_ & 1) == parity; }
    };

    std::size_t rounds_, waiters_;
    alignas(apart) typename Peer::Lock lock_;
    typename Peer::Condition arrived_{lock_}, go_{lock_};
    alignas(apart) std::size_t here_ = 0; /* under the lock, as the rest */
    std::size_t round_ = 0, through_ = 0;
    AllHere all_here_{this};
    RoundIs round_is_[2] = {{this, 0}, {this, 1}};

public:
    Broadcast(std::size_t rounds, unsigned threads) : rounds_(rounds), waiters_(threads - 1) {}
    void run(unsigned thread) override
    {
        if (thread != 0) {
            for (std::size_t i = 0; i < rounds_; i++) {
                lock_.lock();
                if (++here_ == waiters_)
                    arrived_.notify_one();
                go_.wait(round_is_[(i + 1) & 1]);
                through_++;
                lock_.unlock();
            }
            return;
        }
        for (std::size_t i = 0; i < rounds_; i++) {
            lock_.lock();
            arrived_.wait(all_here_);
            here_ = 0;
            round_++;
            notify_and_unlock<Peer>(lock_, false, [this] { go_.notify_all(); });
        }
    }
    bool right() const override { return through_ == rounds_ * waiters_; }
};

/* The same without a lock: they all sleep on the number of the round. */
class FutexBroadcast : public Work {
    std::size_t rounds_;
    std::uint32_t waiters_;
    alignas(apart) std::atomic<std::uint32_t> here_{0};
    alignas(apart) std::atomic<std::uint32_t> round_{0};

public:
    FutexBroadcast(std::size_t rounds, unsigned threads) : rounds_(rounds), waiters_(threads - 1) {}
    void run(unsigned thread) override
    {
        for (std::size_t i = 0; i < rounds_; i++) {
            std::uint32_t round = static_cast<std::uint32_t>(i);
            if (thread != 0) {
                if (here_.fetch_add(1) + 1 == waiters_)
                    futex_wake(here_, 1);
                while (round_.load() == round)
                    futex_wait(round_, round);
                continue;
            }
            for (std::uint32_t here; (here = here_.load()) != waiters_;)
                futex_wait(here_, here);
            here_.store(0);
            round_.store(round + 1);
            futex_wake(round_, INT_MAX);
        }
    }
};

template <template <class> class Kind, class Peers>
void add_ring(Rows &rows, const std::string &family, unsigned threads, Peers peers)
{
    Row ring{.name = family + "-" + std::to_string(threads), .operation = "turn", .threads = threads};
    ring.operations = threads;
    ring.family = family;
    add_peers<Kind>(ring, peers, threads);
    add_limit<FutexRing>(ring, "raw futex", threads);
    rows.push_back(ring);
}

} // namespace

void add_turn_rows(Rows &rows)
{
    Row turns{.name = "turns", .operation = "turn", .threads = 2, .operations = 2};
    add_peers<Turns>(turns, Everybody{}, 2u);
    add_limit<FutexRing>(turns, "raw futex", 2u);
    rows.push_back(turns);

    /* Spinning on one core would take a time slice for each turn. */
    Row separate{.name = "turns-apart", .operation = "turn", .threads = 2,
                 .worlds = every_world & ~only(World::one_core), .apart = true, .operations = 2};
    separate.candidates = turns.candidates;
    add_limit<SpinTurns>(separate, "raw spinning");
    rows.push_back(separate);

    Row timed{.name = "turns-timed", .operation = "turn", .threads = 2, .operations = 2};
    add_peers<TimedTurns>(timed, Everybody{}, 2u);
    rows.push_back(timed);

    Row foreign{.name = "turns-foreign", .operation = "turn", .threads = 2, .operations = 2};
    add_peers<Turns>(foreign, Foreigners{}, 2u);
    rows.push_back(foreign);

    for (unsigned threads : {2u, 16u, 128u, 512u})
        add_ring<Ring>(rows, "ring", threads, Everybody{});
    for (unsigned threads : {16u, 128u, 512u})
        add_ring<RingAll>(rows, "ring-all", threads, Everybody{});
    for (unsigned threads : {16u, 128u})
        add_ring<Ring>(rows, "await-ring", threads, Awaiters{});

    for (unsigned waiters : {8u, 64u, 512u}) {
        Row all{.name = "broadcast-" + std::to_string(waiters), .operation = "round", .threads = waiters + 1};
        all.family = "broadcast";
        add_peers<Broadcast>(all, Everybody{}, waiters + 1);
        add_limit<FutexBroadcast>(all, "raw futex", waiters + 1);
        rows.push_back(all);
    }
}
