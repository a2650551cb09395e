#include <stdint.h>

struct record {
  uint32_t wait; /* since the event before, in microseconds */
  uint8_t x, y, p, unused;
};

struct counts {
  int64_t steps, spikes;
};

struct told {
  int64_t step;
  int32_t class;
  float voltage;
};

void begin(void);
void feed(const struct record *records, long number);
void tell(int64_t step, int32_t class, float voltage); /* is called by feed */
