IMAGE=a.png
