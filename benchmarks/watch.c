/* Watches a stream with a network, whose file is named by -DNETWORK='"network.c"', on a chip and on
 * the machine that simulates: all networks have the same network_push. */
#define NETWORK_NO_MAIN
#define NETWORK_ON_STEP(n) look(n)
static void look(void *given);
#include NETWORK
#include "watch.h"

#ifndef THRESHOLD /* for a voltage that says something */
#define THRESHOLD 3.4e38f
#endif

#ifdef HOST /* which has room for what each step of a minute says */
long told_number, told_room = 60002;
struct told told[60002];
struct counts counts;

void tell(int64_t step, int32_t class, float voltage) {
  told[told_number++] = (struct told){step, class, voltage};
}
#endif

static network watching;
static int64_t now;
#ifdef GATE /* Only milliseconds with so many events are shown to the network. */
static struct record held[GATE];
static int64_t next_step;
static int arrived;
#endif

/* Tell what the last step says. */
static void look(void *given) {
  network *n = given;
  int best = 0;
  for (int o = 1; o < NETWORK_CLASSES; o++)
    if (n->s.v_out[o] > n->s.v_out[best])
      best = o;
  if (n->s.v_out[best] > THRESHOLD)
    tell(n->s.step, best, n->s.v_out[best]);
  /* Steps in which a voltage could rise above the threshold aren't passed over. */
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->s.maxima[o] = THRESHOLD;
#ifdef HOST
  counts.steps++;
#ifdef HIDDEN /* neurons that spike */
  for (int h = 0; h < HIDDEN; h++)
    counts.spikes += n->z[h];
#endif
#endif
}

void begin(void) {
  network_reset(&watching);
  now = 0;
  network_push(&watching, 0, 0, 0, 0); /* an event, with which its time begins */
#ifdef GATE
  next_step = 0;
#endif
#ifdef HOST
  memset(&counts, 0, sizeof counts);
#endif
}

static void push(const struct record *r) { network_push(&watching, now, r->x, r->y, r->p); }

#ifdef GATE
static void show(const struct record *r) {
  if (now >= next_step) {
    next_step = now - now % 1000 + 1000;
    arrived = 0;
  }
  if (arrived >= GATE) {
    push(r);
    return;
  }
  held[arrived++] = *r;
  for (int k = 0; arrived == GATE && k < GATE; k++)
    push(&held[k]);
}
#else
#define show push
#endif

void feed(const struct record *records, long number) {
  for (const struct record *r = records; r < records + number; r++) {
    now += r->wait;
    show(r);
  }
}
