// What the scripts of the pages find beside a browser's own names.
declare interface Window {
  interactiveFigures: any;
  fflate: any;
  idbKeyval: any;
  uPlot: any;
}
