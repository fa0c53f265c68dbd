/* The model and a camera's frame, as they lie in flash. A C array does as well, of a .c file from `posy convert --c-array`:
   give that as MODEL, and CMakeLists.txt compiles it and leaves out what stands here (MODEL_IS_C). */
#ifndef MODEL_IS_C
    .section .model, "a", %progbits
    .global posy_model, posy_model_bytes
    .balign 16 /* for posy_open() */
posy_model:
    .incbin MODEL
    .set model_bytes, . - posy_model
    .balign 4
posy_model_bytes:
    .word model_bytes
#endif

    .section .frame, "a", %progbits
    .incbin FRAME
