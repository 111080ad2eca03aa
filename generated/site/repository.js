// The owner/name of the repository that publishes the page; the Pages workflow fills it in, for links to files and Colab.
window.ftcRepository = "";
