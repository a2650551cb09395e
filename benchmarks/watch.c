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

/* Tell what the last step says. */
static void look(void *given) {
  network *n = given;
  int best = 0;
  for (int o = 1; o < NETWORK_CLASSES; o++)
    if (n->v_out[o] > n->v_out[best])
      best = o;
  if (n->v_out[best] > THRESHOLD)
    tell(n->step, best, n->v_out[best]);
#ifdef MAXIMA /* Steps in which a voltage could rise above the threshold aren't passed over. */
  for (int o = 0; o < NETWORK_CLASSES; o++)
    n->maxima[o] = THRESHOLD;
#endif
#ifdef HOST
  counts.steps++;
#ifdef MAXIMA
  for (int h = 0; h < HIDDEN; h++)
    counts.spikes += n->z[h];
#endif
#endif
}

void begin(void) {
  network_reset(&watching);
  now = 0;
#ifdef HOST
  memset(&counts, 0, sizeof counts);
#endif
}

void feed(const struct record *records, long number) {
  for (const struct record *r = records; r < records + number; r++) {
    now += r->wait;
    network_push(&watching, now, r->x, r->y, r->p);
  }
}
