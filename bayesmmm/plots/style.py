"""Colours, line styles and sizes of all figures: those of Okabe and Ito, which colour-blind readers tell apart."""

BLACK, GREY = "#000000", "#777777"
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, RED, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
PALE = "#F7D992"  # a light orange
BROWN = "#8C5A00"  # hatches on a pale area, where white ones are not seen
SERIES = (BLUE, GREEN, SKY, PURPLE, RED, YELLOW)  # of areas that lie on each other
SMALL, TEXT, HEAD = 8, 9, 10  # sizes of legends and ticks, of names of axes and panels, of the title
LETTER = 0.068  # inches that one letter of the small size takes, on average
DASHED, DASHES = (0, (4, 2)), (0, (3, 2))  # of a value to compare with, and of what is extrapolated
