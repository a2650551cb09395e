// Training beside the page: what the worker does with the scripts that it is made of.
window.interactiveFigures.teach.trainInWorker = (request, { progress, failed }) => {
  const worker = window.interactiveFigures.makeWorker(() => {
    self.onmessage = ({ data }) => {
      for (const each of window.interactiveFigures.teach.train(data)) self.postMessage(each);
      self.postMessage({ done: true });
    };
  });
  worker.onmessage = ({ data }) => progress(data);
  worker.onerror = (event) => failed(event.message);
  worker.postMessage(request);
  return () => worker.terminate();
};
