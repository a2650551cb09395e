/* Above stand the network's numbers; this is what computes with them. A time step lasts TIME_WINDOW
 * microseconds, and an answer waits for SETTLE_STEPS of silence. W are weights, a row for each
 * sender, as multiples of the receiver's scale if there are scales; B biases; A and S the shares
 * that voltages and currents lose in a step, and KEEP what is kept in one.
 *
 * Include this file, or compile it with NETWORK_NO_MAIN and declare what you use:
 *
 *     static network n;
 *     network_reset(&n);
 *     network_push(&n, t, x, y, p);         for each event, in order of time
 *     class = network_answer(&n, maxima);   whenever you like
 *
 * A time step is computed when an event of a later one comes. Compile without -ffast-math, and for
 * the spikes of PyTorch with -ffp-contract=off.
 */

enum { NETWORK_OK = 0, NETWORK_BAD_TIME = -1, NETWORK_BAD_PLACE = -2 };

#define NETWORK_NO_ANSWER (-1)
#define NETWORK_MAX_TIME (INT64_C(1) << 53) /* microseconds */

#ifndef NETWORK_ON_STEP /* is called with the network after each step that is computed */
#define NETWORK_ON_STEP(n) ((void)0)
#endif

#if BITS == 8
#define WEIGHT(name, sender, receiver) (name##_SCALES[receiver] * name[sender][receiver])
#else
#define WEIGHT(name, sender, receiver) (name[sender][receiver])
#endif

/* Add what a sender sends to all receivers: its weights, times a number. */
#define SEND(name, sender, number, to, receivers) \
  for (int r = 0; r < (receivers); r++)           \
    (to)[r] += (number) * WEIGHT(name, sender, r)

/* factor ** steps */
static inline float power(float factor, int64_t steps) {
  float product = 1;
  for (; steps > 0; steps >>= 1, factor *= factor)
    if (steps & 1)
      product *= factor;
  return product;
}

typedef struct { /* what all networks have */
  int64_t start, last, end;      /* times in us: of the first event, the last, and its step's end */
  int64_t step;                  /* the step that events are added to */
  int has_begun;                 /* whether an event has come */
  int has_input;                 /* whether one has come in this step */
  float inputs[RECEIVERS];       /* what the events of this step send */
  float v_out[NETWORK_CLASSES];  /* voltages of the last step */
  float maxima[NETWORK_CLASSES]; /* of v_out, by which the answer is chosen */
} stream;
