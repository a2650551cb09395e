// What the scripts of the pages find beside a browser's own names.
declare var interactiveFigures: any;
declare var fflate: any;
declare var idbKeyval: any;
declare var uPlot: any;
