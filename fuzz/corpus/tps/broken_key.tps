LM=3
4 13
12.5 8
20 4
IMAGE=a.png
ID=7
SCALE=0.01
nonsense
