"""A reader's script: from files in folders by class to a tested, saved, streaming network."""

import numpy as np

import pokersnn_helpers as book

own = book.load_folder("recordings", sensor_size=(64, 64, 2))
print(own.recordings)
print(book.recording_statistics(own.recordings).groupby("class").mean())

data = book.stratified_folds(own.recordings, folds=4, groups=own.groups)[0]
classifier, _ = book.train_classifier(data, network=book.FastSNN, epochs=20, augment=None)
book.save_checkpoint(classifier, "run.pt")

classifier = book.load_checkpoint("run.pt", "cpu", book.FastSNN)
print(book.evaluate(classifier, book.make_loader(data.test)).correct, "of", len(data.test))

stream = book.Stream(classifier)
for events in np.array_split(data.test.events[0], 30):
    stream.push(events)  # as they would come from a camera
stream.finish()
print(stream.prediction().class_name, "since", stream.settled_ms(), "ms")
